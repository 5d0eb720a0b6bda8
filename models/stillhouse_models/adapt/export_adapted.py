"""An adapted student as a version: merged, with weights of its own, or as an adapter that keeps its base's.

Both carry the base's evaluation set, so that the scores say what was forgotten, and name the base and its digest.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from peft import PeftModel

from stillhouse_models.adapt.base_version import BaseVersion
from stillhouse_models.adapt.lora import merged, save_adapter
from stillhouse_models.adapt.low_rank_graph import add_low_rank, differences
from stillhouse_models.adapt.train_adapter import AdapterSettings
from stillhouse_models.export import ExportRequest, export_variants
from stillhouse_models.export_variant import Graphs, VariantSettings, export_variant, graphs_of, model_index
from stillhouse_models.manifest import artifact, files, write_manifest
from stillhouse_models.sources.batches import SOURCES
from stillhouse_models.variants.calibration import Calibration
from stillhouse_models.variants.kinds import Kind, VariantError, read_kinds
from stillhouse_models.weights import Painter

KEPT = ("evaluation", "evaluator")
ADAPTER = "adapter"


@dataclass(frozen=True)
class AdaptedVersion:
    """What the new version is called, and how it is published; `precisions` as an export has them."""

    model: str
    version: str
    description: str
    merge: bool
    precisions: tuple[str, ...]


def check_precisions(wanted: AdaptedVersion) -> None:
    """VariantError where an adapter cannot be added to weights that are stored so."""
    for kind in read_kinds(",".join(wanted.precisions)):
        if not wanted.merge and (kind.runtime != "onnxruntime" or kind.computes_in_integers):
            raise VariantError(
                f"{kind.name}: an adapter version adds to weights that ONNX Runtime restores to float32 (fp32, fp16, int8, "
                "int4); take one of those, or --merge"
            )


def export_adapted(
    base: BaseVersion, adapters: PeftModel, settings: AdapterSettings, wanted: AdaptedVersion, learned: dict[str, Any], out: Path
) -> None:
    """The folder `out`, made afresh. `learned` is what the lineage says of the pictures and the training."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shutil.copyfile(base.folder / "LICENSE", out / "LICENSE")
    for part in KEPT:
        shutil.copytree(base.folder / part, out / part)
    sprites, steps = SOURCES[base.source](), settings.denoising_steps
    student = Painter(merged(base.painter.unet, adapters), base.painter.encoder, base.painter.tokenizer)
    request = ExportRequest(
        model=wanted.model, version=wanted.version, source=base.source, student=base.student, teacher=base.student,
        evaluator=base.student, out=out, description=wanted.description, steps=steps, precisions=wanted.precisions,
        prompts=base.manifest["evaluation"]["prompts"],
    )  # fmt: skip
    write = export_variant if wanted.merge else _adapter_writer(base.painter, settings.rank)
    variants = export_variants(out, sprites, student, request, write)
    save_adapter(adapters, "{model}@{version} sha256:{digest}".format(**base.named()), out / ADAPTER)
    lineage = base.manifest["lineage"]
    manifest = {
        "schemaVersion": 1,
        "model": wanted.model,
        "version": wanted.version,
        "licence": base.manifest["licence"],
        "description": wanted.description,
        "pipeline": model_index(student),
        "base": base.named() | {"method": "lora", "rank": settings.rank, "merged": wanted.merge},
        "artifacts": [artifact(out, path) for path in files(out)],
        "variants": variants,
        "evaluation": base.manifest["evaluation"],
        "lineage": lineage | {"phases": [*lineage["phases"], learned]},
    }
    write_manifest(out, manifest)


def _adapter_writer(base: Painter, rank: int) -> Any:
    graphs = graphs_of(base)

    def write(
        _: Painter, adapted: Graphs, kind: Kind, calibration: Calibration | None, settings: VariantSettings, folder: Path
    ) -> None:
        """The base's own folder, its weights in files of their own, with the low-rank sums written into its graph."""
        export_variant(base, graphs, kind, calibration, replace(settings, external_data=True), folder)
        add_low_rank(folder / "unet/model.onnx", differences(graphs.unet, adapted.unet), rank)

    return write
