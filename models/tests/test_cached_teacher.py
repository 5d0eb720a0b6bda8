"""A student of any diffusers folder: the cache of its teacher's answers, and the training from it."""

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTokenizer

from stillhouse_models.cached_teacher import fill_cache as filling
from stillhouse_models.cached_teacher import shards
from stillhouse_models.cached_teacher.fill_cache import fill_cache, planned
from stillhouse_models.cached_teacher.latent_cache import LatentCache
from stillhouse_models.cached_teacher.load_parts import load_painting_side
from stillhouse_models.cached_teacher.paint_latents import noise_of
from stillhouse_models.cached_teacher.read_prompts import read_prompts
from stillhouse_models.cached_teacher.teacher_folder import read_teacher
from stillhouse_models.diffusers_export.tiny import make_tiny
from stillhouse_models.faults import RefusedError, StoppedError, ToolkitError
from stillhouse_models.networks.lite_unet import LiteUNet
from stillhouse_models.recipe import Recipe, RecipeError, read_recipe
from stillhouse_models.run_recipe import run_recipe
from stillhouse_models.training.cached_judge import decoded, likeness
from stillhouse_models.training.cached_school import held_out, on_path
from stillhouse_models.training.compute_device import arithmetic
from stillhouse_models.training.pictures import to_pixels
from stillhouse_models.training.sampling import even_levels, sample, sigmas
from stillhouse_models.watch import Unwatched

MODELS = Path(__file__).parents[1]
PROMPTS = ["a red fox", "a blue boat", "a small tree at night", "an old house", "a golden cup on a table", "snow"]
KINDS = ("sd", "sdxl", "sd3", "flux-schnell", "z-image")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("teachers")
    return {kind: make_tiny(kind, place / kind, 3) for kind in KINDS}


def recipe_of(
    place: Path, teacher: Path, more: str = "", student: str = "", losses: str = "mse = 1.0, edges = 0.1", guidance: float = 3.0
) -> Recipe:
    (place / "prompts.txt").write_text("# what to paint\n\n" + "\n".join([*PROMPTS, PROMPTS[0]]) + "\n")
    file = place / "recipe.toml"
    file.write_text(f"""
name = "latents"
[teacher]
diffusers = "{teacher}"
prompts = "prompts.txt"
size = 16
steps = 3
guidance = {guidance}
batch_size = 4
seeds = 2
text_length = 24
held_out = 2
{more}
[student]
family = "lite-unet"
channels = [8, 16]
num_res_blocks = 1
patch = 2
batch_size = 4
{student}
[[phases]]
name = "warm-up"
steps = 6
rate = 2e-3
losses = {{ {losses} }}
[[phases]]
name = "main"
steps = 4
rate = 1e-3
tolerance = 1.0
losses = {{ mse = 1.0, consistency = 0.2 }}
""")
    return read_recipe(file)


class Stops(Unwatched):
    """Asked to stop at the nth time that it is looked at."""

    def __init__(self, after: int):
        self.left = after

    def stop_if_asked(self, done: str) -> None:
        self.left -= 1
        if self.left < 0:
            raise StoppedError(signal.SIGTERM, done)


# Z-Image is guided by 1 already, and not by 0.
@pytest.mark.parametrize(
    ("kind", "guidance"), [*((kind, 3.0) for kind in KINDS), ("sd", 1.0), ("z-image", 1.0), ("z-image", 0.0)]
)
def test_a_teacher_of_each_kind_is_cached_as_diffusers_paints(
    folders: dict[str, Path], kind: str, guidance: float, tmp_path: Path
) -> None:
    recipe = recipe_of(tmp_path, folders[kind], 'keep = "trajectory"', guidance=guidance)
    teacher, prompts, plan = planned(recipe)
    fill_cache(recipe, tmp_path / "cache", Unwatched())
    cache = LatentCache(tmp_path / "cache")
    path = cache.path(3)
    assert path.shape == (4, plan.channels, plan.side, plan.side)
    assert path[0].equal(noise_of(plan, 3).half().float())
    assert cache.levels[0] == 1
    assert cache.levels[-1] == 0
    assert (cache.levels.diff() < 0).all()
    # The whole pipeline, text encoders and all, from the same noise: what the cache holds is what it paints.
    import diffusers

    whole = getattr(diffusers, teacher.pipeline).from_pretrained(folders[kind], local_files_only=True)
    whole.scheduler = load_painting_side(teacher).scheduler
    noise = noise_of(plan, 3)[None]
    flux = kind.startswith("flux")
    length = {} if kind in ("sd", "sdxl") else {"max_sequence_length": 24}
    wanted = whole(
        prompts[1], height=16, width=16, num_inference_steps=3, guidance_scale=guidance, output_type="latent", **length,
        latents=whole._pack_latents(noise, *noise.shape) if flux else noise,
    ).images  # fmt: skip
    wanted = whole._unpack_latents(wanted, 16, 16, whole.vae_scale_factor) if flux else wanted
    # Embeddings are kept in bfloat16.
    assert (path[-1] - wanted[0]).abs().max() < 0.03 * max(1.0, float(wanted.abs().max()))
    assert (path[-1] - path[0]).abs().max() > 0.1
    # What was said beforehand bounds what came of it: but for a header a shard, and the other embeddings of a prompt.
    written = sum(file.stat().st_size for file in (tmp_path / "cache").glob("latents-*"))
    assert plan.latent_bytes() <= written <= plan.latent_bytes() + 400 * 3
    assert cache.context(0).shape[0] <= plan.text_length + 1


@pytest.mark.parametrize("keep", ["final", "trajectory"])
def test_a_cache_goes_on_where_it_was_stopped_and_is_the_same(folders: dict[str, Path], keep: str, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, folders["sd"], f'keep = "{keep}"')
    fill_cache(recipe, tmp_path / "whole", Unwatched())
    with pytest.raises(StoppedError, match="4 of 12 pictures"):
        fill_cache(recipe, tmp_path / "cut", Stops(2))
    first = tmp_path / "cut/latents-00000.safetensors"
    written = first.stat().st_mtime_ns
    # A shard that was cut off, as a torn disk leaves it, is made again.
    (tmp_path / "cut/latents-00001.safetensors").write_bytes(first.read_bytes()[:-100])
    fill_cache(recipe, tmp_path / "cut", Unwatched())
    assert first.stat().st_mtime_ns == written
    for file in sorted((tmp_path / "whole").glob("*.safetensors")):
        assert file.read_bytes() == (tmp_path / "cut" / file.name).read_bytes()
    with pytest.raises(RefusedError, match="seed changed"):
        fill_cache(replace(recipe, seed=9), tmp_path / "cut", Unwatched())


def test_a_full_disk_is_told_before_and_on_the_way(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, usage = recipe_of(tmp_path, folders["sd"]), namedtuple("usage", "total used free")
    monkeypatch.setattr(shards.shutil, "disk_usage", lambda _: usage(10, 9, 1000))
    with pytest.raises(ToolkitError, match=r"are needed and 0.0 MiB are free"):
        fill_cache(recipe, tmp_path / "cache", Unwatched())
    monkeypatch.undo()
    fsync, left = os.fsync, [2]

    def full(file: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    monkeypatch.setattr(shards.os, "fsync", full)
    with pytest.raises(ToolkitError, match=r"latents-00000.*No space left.*Make room, then start the same command again"):
        fill_cache(recipe, tmp_path / "cache", Unwatched())
    monkeypatch.undo()
    assert [file.name for file in (tmp_path / "cache").glob("*.new")] == []
    fill_cache(recipe, tmp_path / "cache", Unwatched())
    assert len(LatentCache(tmp_path / "cache").prompts) == len(PROMPTS)


def test_a_latent_that_is_no_number_is_not_kept(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, paint = recipe_of(tmp_path, folders["sd"]), filling.paint_latents

    def broken(*given: object) -> dict[str, torch.Tensor]:
        painted = paint(*given)  # type: ignore[arg-type]
        painted["states"][1, -1, 0, 0, 0] = float("inf")
        return painted

    monkeypatch.setattr(filling, "paint_latents", broken)
    with pytest.raises(ToolkitError, match="latents for 'a red fox' are no numbers"):
        fill_cache(recipe, tmp_path / "cache", Unwatched())
    assert not list((tmp_path / "cache").glob("latents-*"))


def test_what_is_wrong_with_a_folder_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "sd"
    shutil.copytree(folders["sd"], broken)
    shutil.rmtree(broken / "text_encoder")
    with pytest.raises(RecipeError, match=r"lacks text_encoder/config.json, text_encoder's weights"):
        read_teacher(broken, 24)
    shutil.copytree(folders["sd"] / "text_encoder", broken / "text_encoder")
    config = json.loads((broken / "unet/config.json").read_text())
    (broken / "unet/config.json").write_text(json.dumps(config | {"in_channels": 9}))
    with pytest.raises(RecipeError, match="the unet works on latents of 9 channels, the vae makes 4"):
        read_teacher(broken, 24)
    (broken / "model_index.json").write_text('{"_class_name": "KandinskyPipeline"}')
    with pytest.raises(RecipeError, match="a KandinskyPipeline; known as teachers: StableDiffusionPipeline"):
        read_teacher(broken, 24)
    with pytest.raises(RecipeError, match=r"lacks model_index.json"):
        read_teacher(tmp_path / "nowhere", 24)


def test_what_is_wrong_with_prompts_is_named(tmp_path: Path) -> None:
    file = tmp_path / "prompts.txt"
    for text, message in (("", "no prompt"), ("# a\n\n  \n", "no prompt"), ("fox\nfox\n", "only the prompt 'fox'")):
        file.write_text(text)
        with pytest.raises(RecipeError, match=f"{message}; expected 2 or more, one a line"):
            read_prompts(file)
    file.write_bytes(b"a fox\n\xff\xfe\n")
    with pytest.raises(RecipeError, match=r"UTF-8"):
        read_prompts(file)
    with pytest.raises(RecipeError, match=r"prompts\.txt"):
        read_prompts(tmp_path / "nowhere/prompts.txt")


@pytest.mark.parametrize(
    ("more", "student", "losses", "message"),
    [
        ("from = 'x'", "", "mse = 1.0", "nothing is trained"),
        ("seconds = 9", "", "mse = 1.0", "nothing is trained"),
        ('keep = "all"', "", "mse = 1.0", "keep is 'all'; known"),
        ("", 'start = "teacher"', "mse = 1.0", "only 'scratch'"),
        ("", "", "mse = 1.0, dmd = 1.0, gram = 0.1", r"\['dmd', 'gram'\] need the teacher in memory"),
        ("", "", "mse = 1.0, mae = 1.0", "unknown losses"),
    ],
)
def test_a_wrong_recipe_is_refused(
    folders: dict[str, Path], tmp_path: Path, more: str, student: str, losses: str, message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_of(tmp_path, folders["sd"], more, student, losses)


def test_sizes_that_cannot_be_halved_are_found_before_the_teacher_is_loaded(folders: dict[str, Path], tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, folders["flux-schnell"])
    with pytest.raises(RecipeError, match="multiples of 4"):
        planned(replace(recipe, teacher=replace(recipe.teacher, size=18)))
    with pytest.raises(RecipeError, match="latents of 10 a side cannot be halved"):
        planned(replace(recipe, teacher=replace(recipe.teacher, size=20), student=replace(recipe.student, patch=2)))


def test_phases_that_name_no_losses_take_those_that_a_cache_knows(folders: dict[str, Path], tmp_path: Path) -> None:
    recipe_of(tmp_path, folders["sd"])
    text = (tmp_path / "recipe.toml").read_text()
    (tmp_path / "recipe.toml").write_text(text[: text.index("[[phases]]")])
    assert [dict(phase.losses) for phase in read_recipe(tmp_path / "recipe.toml").phases] == [{"mse": 1.0}] * 3


def test_points_between_states_lie_on_the_line_that_joins_them() -> None:
    paths = torch.tensor([8.0, 4.0, 0.0]).view(1, 3, 1, 1, 1).expand(5, 3, 1, 1, 1)
    points = on_path(paths, torch.tensor([1.0, 0.8, 0.0]), torch.tensor([1.0, 0.9, 0.8, 0.4, 0.0]))
    torch.testing.assert_close(points.flatten(), torch.tensor([8.0, 6.0, 4.0, 2.0, 0.0]))


def test_held_out_prompts_are_spread_and_never_all() -> None:
    assert held_out(6, 2) == [1, 4]
    assert held_out(2, 16) in ([0], [1])
    for prompts in (2, 3, 17, 1000):
        held = held_out(prompts, 16)
        assert len(set(held)) == len(held) == min(16, prompts // 2)
        assert min(held) >= 0
        assert max(held) < prompts


def test_likeness_is_one_for_the_teacher_and_nothing_for_its_mean() -> None:
    wanted = torch.randn(8, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    assert likeness(wanted, wanted) == 1
    assert likeness(wanted.mean(dim=0).expand_as(wanted), wanted) == pytest.approx(0, abs=1e-5)
    assert likeness(-wanted, wanted) == 0


def test_the_one_command_is_killed_and_goes_on_to_a_student(folders: dict[str, Path], tmp_path: Path) -> None:
    recipe_of(tmp_path, folders["sd"])
    file, out = tmp_path / "recipe.toml", tmp_path / "out"
    slow = tmp_path / "slow.toml"
    slow.write_text(file.read_text().replace("steps = 4\n", "steps = 400000\n"))
    command = [sys.executable, str(MODELS / "toolkit.py"), str(slow), "--out", str(out)]
    child = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    log = out / "training/student/student.jsonl"
    while not (log.exists() and '"main"' in log.read_text()):
        assert child.poll() is None
        time.sleep(0.2)
    child.kill()
    child.wait()
    result = run_recipe(read_recipe(file), out, Unwatched())
    assert [phase["name"] for phase in result["phases"]] == ["warm-up", "main"]
    assert 0 <= result["judged"]["student"]["likeness"] <= 1
    student = LiteUNet.from_pretrained(Path(result["student"]) / "unet")
    assert (student.config["in_channels"], student.config["context_channels"]) == (4, 32)
    assert (out / "training/teacher-and-student.png").exists()
    same_picture(Path(result["pipeline"]), out / "training", student)


def same_picture(pipeline: Path, training: Path, student: LiteUNet) -> None:
    """The graphs, from a prompt to pixels, beside PyTorch."""
    cache, noise = LatentCache(training / "cache"), torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(5))
    graphs = {
        part: onnxruntime.InferenceSession(pipeline / part / "model.onnx") for part in ("text_encoder", "unet", "vae_decoder")
    }
    tokenizer = CLIPTokenizer.from_pretrained(pipeline / "tokenizer", local_files_only=True)
    ids = tokenizer(cache.prompts[2], padding="max_length", max_length=77, return_tensors="np").input_ids.astype("int64")
    words = graphs["text_encoder"].run(["last_hidden_state"], {"input_ids": ids})[0]
    ours, theirs, levels = noise.numpy(), noise, sigmas(4)
    for level, following in itertools.pairwise(levels):
        told = {"sample": ours, "timestep": np.array([level * 1000], dtype=np.float32), "encoder_hidden_states": words}
        ours = ours + graphs["unet"].run(["out_sample"], told)[0] * np.float32(following - level)
        with torch.no_grad():
            velocity = student.float()(theirs, torch.tensor([level * 1000]), cache.context(2)[None])
        theirs = theirs + velocity * (following - level)
    pixels = graphs["vae_decoder"].run(["sample"], {"latent_sample": ours / np.float32(0.18215)})[0]
    # The cache's embeddings are bfloat16, the graphs' weights fp16.
    assert np.abs(to_pixels(torch.from_numpy(pixels)).astype(int) - decoded(cache, theirs)).mean() < 1


@pytest.mark.parametrize(
    ("kind", "student", "size"),
    [*((kind, "", (16, 16)) for kind in KINDS), *((kind, 'positions = "interpolated"', (24, 16)) for kind in ("sd", "z-image"))],
)
def test_a_student_of_each_kind_runs_as_a_pipeline_on_a_device(
    folders: dict[str, Path], kind: str, student: str, size: tuple[int, int], tmp_path: Path
) -> None:
    """The agent's own pipeline, from the prompt to the PNG, beside PyTorch and the cache."""
    recipe, (width, height) = recipe_of(tmp_path, folders[kind], student=student), size
    out, levels = tmp_path / "out", (even_levels if kind in ("flux-schnell", "z-image") else sigmas)(4)
    result = run_recipe(recipe, out, Unwatched())
    cache, network = LatentCache(out / "training/cache"), LiteUNet.from_pretrained(Path(result["student"]) / "unet").float()
    command = [
        "npx",
        "still",
        "run",
        result["pipeline"],
        PROMPTS[2],
        "--seed",
        "5",
        "--steps",
        "4",
        "--guidance",
        "1" if kind != "z-image" else "0",
    ]
    ran = subprocess.run(
        [*command, "--size", f"{width}x{height}", "-o", str(tmp_path / "out.png")],
        cwd=MODELS.parent,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    scale = 16 // cache.plan.side
    noise = torch.randn(1, cache.plan.channels, height // scale, width // scale, generator=torch.Generator().manual_seed(5))
    with arithmetic(autocast=False):
        painted = sample(lambda x, t: network.clean(x, t, cache.context(2)[None]), noise, levels)
    wanted = decoded(cache, painted)[0].astype(int)
    made = np.asarray(Image.open(tmp_path / "out.png").convert("RGB")).astype(int)
    # The cache's embeddings are bfloat16, the graphs' weights fp16.
    assert made.shape == wanted.shape
    assert np.abs(made - wanted).mean() < 1
    assert wanted.std() > 3


def test_a_resumed_student_is_the_uninterrupted_one(folders: dict[str, Path], tmp_path: Path) -> None:
    from stillhouse_models.distil import distil

    recipe = recipe_of(tmp_path, folders["sd"], 'keep = "trajectory"')
    fill_cache(recipe, tmp_path / "training/cache", Unwatched())
    distil(recipe, tmp_path / "training", tmp_path / "whole", watch=Unwatched())

    class StopsAt(Unwatched):
        looks = 0

        @property
        def stop_asked(self) -> bool:  # type: ignore[override]
            self.looks += 1
            return self.looks == 4

        def stop_if_asked(self, done: str) -> None:
            raise StoppedError(signal.SIGTERM, done)

    with pytest.raises(StoppedError):
        distil(recipe, tmp_path / "training", tmp_path / "cut", watch=StopsAt())
    distil(recipe, tmp_path / "training", tmp_path / "cut", watch=Unwatched())
    whole, cut = (load_file(tmp_path / name / "student/unet/diffusion_pytorch_model.safetensors") for name in ("whole", "cut"))
    assert all(whole[name].equal(cut[name]) for name in whole)
