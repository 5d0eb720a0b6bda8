"""A handful of captioned pictures, taught to a student by LoRA, as a version. Started again, it goes on.

OUT/             the version, ready for `still publish OUT`
OUT/training/    checkpoint, log, stages.json
"""

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stillhouse_models.adapt.base_version import load_base
from stillhouse_models.adapt.export_adapted import AdaptedVersion, check_precisions, export_adapted
from stillhouse_models.adapt.read_pictures import Pictures, read_pictures
from stillhouse_models.adapt.train_adapter import WEIGHTS, AdapterSettings, train_adapter
from stillhouse_models.folder_lock import folder_lock
from stillhouse_models.manifest import TRAINING, read_manifest
from stillhouse_models.place_version import place_version
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.stages import Stages, do_stage
from stillhouse_models.tokenizer import UNKNOWN
from stillhouse_models.training.compute_device import device_of
from stillhouse_models.watch import Watch
from stillhouse_models.weights import Painter


def adapt(
    base_folder: Path, student: Path | None, pictures_folder: Path, settings: AdapterSettings, wanted: AdaptedVersion,
    out: Path, watch: Watch, device: str = "auto",
) -> dict[str, Any]:  # fmt: skip
    """Returns what the version is. Refuses, before anything is trained, what cannot end as one."""
    place = device_of(device)
    check_precisions(wanted)
    base = load_base(base_folder, student)
    sprites, pictures = SOURCES[base.source](), read_pictures(pictures_folder, base.painter.unet.config["sample_size"])
    for line in unknown_words(base.painter, pictures):
        watch.say(line)
    training = out / TRAINING
    with folder_lock(training):
        stages = Stages(training / "stages.json")
        taught = {"base": base.named(), "pictures": pictures.digest, "settings": asdict(settings)}
        do_stage(
            stages, "adapter", taught, watch,
            lambda: train_adapter(base.painter, sprites, pictures, settings, training, watch, place),
        )  # fmt: skip
        exported = taught | {"version": asdict(wanted)}
        if not stages.is_current("export", exported):
            stages.forget("export")

        def export() -> None:
            # The training is over: its checkpoint is read, and nothing more is learned.
            adapters = train_adapter(base.painter, sprites, pictures, settings, training, watch)
            export_adapted(base, adapters, settings, wanted, _learned(pictures, settings), training / "export")
            place_version(training / "export", out)
            shutil.rmtree(training / "export")

        with watch.at_once():
            do_stage(stages, "export", exported, watch, export)
    manifest = read_manifest(out)
    told = {"folder": str(out), "model": manifest["model"], "version": manifest["version"], "base": manifest["base"]}
    variants = [{key: each[key] for key in ("name", "parity", "scores")} for each in manifest["variants"]]
    return told | {"pictures": len(pictures.captions), "variants": variants}


def unknown_words(painter: Painter, pictures: Pictures) -> list[str]:
    """One line for every caption with words that the student's vocabulary lacks: they all say the same to it."""
    lines = []
    for caption in pictures.captions:
        encoded = painter.tokenizer.encode(caption)
        strange = [caption[a:b] for token, (a, b) in zip(encoded.tokens, encoded.offsets, strict=True) if token == UNKNOWN]
        if strange:
            lines.append(f"caption {caption!r}: {', '.join(strange)} are no words of this student, and mean the same to it")
    return lines


def adapted_text(result: dict[str, Any]) -> str:
    base = result["base"]
    kind = "merged into it" if base["merged"] else "an adapter of it"
    first = f"{result['folder']}: {result['model']}@{result['version']}, {result['pictures']} pictures, {kind}: "
    rows = [f"  {each['name']}: quality {each['scores']['quality']:.2f} on the base's prompts" for each in result["variants"]]
    return "\n".join([f"{first}{base['model']}@{base['version']}", *rows])


def _learned(pictures: Pictures, settings: AdapterSettings) -> dict[str, Any]:
    """As a phase of the lineage."""
    return {
        "name": "adapt", "steps": settings.steps, "learningRate": settings.rate, "losses": {}, "metrics": {},
        "weights": WEIGHTS, "method": "lora", "rank": settings.rank, "keep": settings.keep, "seed": settings.seed,
        "pictures": len(pictures.captions), "picturesSha256": pictures.digest,
    }  # fmt: skip
