"""Train a teacher on a source's captioned scenes, within a budget of wall-clock time; stop and resume at will."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from stillhouse_models.losses.mse import edges, mse
from stillhouse_models.networks.teacher_unet import TeacherUNet
from stillhouse_models.networks.text_encoder import TextEncoder
from stillhouse_models.recipe import CACHED_KEYS, Recipe
from stillhouse_models.sources.batches import SOURCES, batch
from stillhouse_models.sources.caption import Wording, vocabulary
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.tokenizer import MAX_LENGTH, build_tokenizer
from stillhouse_models.training.average import Average
from stillhouse_models.training.checkpoint import load_checkpoint, save_checkpoint
from stillhouse_models.training.compute_device import CPU, attention_on, half_on
from stillhouse_models.training.conditions import guided_clean, loosened, token_ids
from stillhouse_models.training.courtesy import Courtesy
from stillhouse_models.training.judge import Judge, load_evaluator
from stillhouse_models.training.layout_heads import LayoutHeads
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.muon import Muon
from stillhouse_models.training.pictures import to_pixels, to_tensor
from stillhouse_models.training.sampling import sample, sigmas
from stillhouse_models.training.sheet import save_sheet
from stillhouse_models.watch import Watch
from stillhouse_models.weights import load_painter

CHECKPOINT = "teacher.pt"


@dataclass(frozen=True)
class TeacherSettings:
    source: str = "stickers"
    channels: tuple[int, ...] = (96, 192, 384)
    num_res_blocks: int = 1
    patch: int = 4
    text_width: int = 128
    text_layers: int = 3
    batch_size: int = 64
    matrix_rate: float = 0.015
    other_rate: float = 2e-3
    weight_decay: float = 0.01
    decay_share: float = 0.7  # of the budget: the rates fall linearly to zero at its end
    warmup_steps: int = 100
    caption_dropout: float = 0.1
    unknown_word: float = 0.05
    layout: float = 0.02  # weight of the question which concept covers what; see training/layout_heads.py
    edges: float = 0.5  # weight of the error's differences between neighbouring pixels, against that of the error itself
    high_noise_share: float = 0.5  # of the batch: t in 0.7..1, where the caption decides; the rest uniform
    pair_share: tuple[float, float] = (0.3, 0.5)  # at first, and from `pairs_from` of the budget on
    pairs_from: float = 0.15
    guidance: float = 2.0
    steps: int = 8
    seed: int = 0
    save_every: float = 180.0  # seconds
    judge_every: float = 420.0  # seconds


class TeacherTraining:
    """Weights, optimisers, average, random states and spent time: everything that a resumed run needs."""

    def __init__(self, settings: TeacherSettings, out: Path, device: torch.device = CPU):
        torch.manual_seed(settings.seed)
        self.settings, self.out, self.device = settings, out, device
        self.sprites: SpriteSet = SOURCES[settings.source]()
        words = vocabulary(self.sprites)
        self.tokenizer = build_tokenizer(words)
        self.empty = token_ids(self.tokenizer, [""]).to(device)
        self.encoder = TextEncoder(
            vocabulary=self.tokenizer.get_vocab_size(), length=MAX_LENGTH, width=settings.text_width, layers=settings.text_layers
        )
        self.unet = TeacherUNet(
            channels=list(settings.channels), num_res_blocks=settings.num_res_blocks,
            context_channels=settings.text_width, sample_size=self.sprites.resolution, patch=settings.patch,
        )  # fmt: skip
        self.both = nn.ModuleDict({"unet": self.unet, "encoder": self.encoder})
        self.both.to(device).to(memory_format=torch.channels_last)
        self.layout = LayoutHeads(self.sprites, self.unet).to(device)
        matrices = [p for n, p in self.both.named_parameters() if is_hidden_matrix(n, p)]
        others = [p for n, p in self.both.named_parameters() if not is_hidden_matrix(n, p)] + list(self.layout.parameters())
        self.muon = Muon(matrices, lr=settings.matrix_rate, weight_decay=settings.weight_decay)
        self.adam = torch.optim.AdamW(others, lr=settings.other_rate, betas=(0.9, 0.97), weight_decay=0.0)
        self.average = Average(self.both, decay=0.998)
        self.rng = np.random.default_rng(settings.seed)
        self.step, self.spent = 0, 0.0

    def state(self) -> dict[str, object]:
        return {
            "settings": asdict(self.settings), "step": self.step, "spent": self.spent, "weights": self.both.state_dict(),
            "layout": self.layout.state_dict(),
            "average": self.average.state, "updates": self.average.updates,
            "muon": self.muon.state_dict(), "adam": self.adam.state_dict(),
            "rng": self.rng.bit_generator.state, "torch_rng": torch.get_rng_state(),
        }  # fmt: skip

    def save(self) -> None:
        """ToolkitError where it cannot be written; the older checkpoint stands then."""
        save_checkpoint(self.state(), self.out / CHECKPOINT)

    def resume(self) -> None:
        state = load_checkpoint(self.out / CHECKPOINT)
        self.both.load_state_dict(state["weights"])
        self.layout.load_state_dict(state["layout"])
        self.average.restore(state["average"], state["updates"])
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"])
        self.step, self.spent = state["step"], state["spent"]

    def start_from(self, folder: Path) -> None:
        """Begin with the weights of a kept teacher (`keep`) of the same shape; step, optimisers and clock begin anew."""
        kept = load_painter(folder, "teacher-unet")
        self.unet.load_state_dict(kept.unet.state_dict())
        self.encoder.load_state_dict(kept.encoder.state_dict())
        self.average = Average(self.both, decay=0.998)

    def train_step(self, progress: float) -> tuple[float, float]:
        """One step; `progress` is the share of the budget that is spent. Returns the picture's loss and the layout's."""
        s = self.settings
        falling = min(1.0, (1 - progress) / s.decay_share)
        rate = min(1.0, (self.step + 1) / s.warmup_steps) * falling
        self.muon.param_groups[0]["lr"], self.adam.param_groups[0]["lr"] = s.matrix_rate * rate, s.other_rate * rate
        pair_share = s.pair_share[0] if progress < s.pairs_from else s.pair_share[1]
        drawn = batch(self.sprites, self.rng, s.batch_size, pair_share, Wording())
        texts = loosened([c.text for c in drawn.captions], self.rng, s.caption_dropout, s.unknown_word)
        ids = token_ids(self.tokenizer, texts)
        clean, t = to_tensor(drawn.pictures), self.noise_levels()
        level = t.view(-1, 1, 1, 1)
        noisy = ((1 - level) * clean + level * torch.randn_like(clean)).contiguous(memory_format=torch.channels_last)
        noisy, clean, t, ids = (part.to(self.device) for part in (noisy, clean, t, ids))
        with half_on(self.device), attention_on(self.device):
            predicted, features = self.unet.clean_and_features(noisy, t * 1000, self.encoder(ids))
            covered = self.layout(features, drawn.scenes, [bool(text) for text in texts])
        loss = mse(predicted.float(), clean, t * 1000) + s.edges * edges(predicted.float(), clean, t * 1000)
        total = loss + s.layout * covered
        self._require_number("the loss", total)
        total.backward()
        gradients = [p.grad for p in (*self.both.parameters(), *self.layout.parameters()) if p.grad is not None]
        self._require_number("the gradient's norm", nn.utils.get_total_norm(gradients))
        nn.utils.clip_grad_norm_(self.adam.param_groups[0]["params"], 1.0)
        for optimiser in (self.muon, self.adam):
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        self.average.update(self.both)
        self.step += 1
        return loss.item(), covered.item()

    def _require_number(self, what: str, value: Tensor) -> None:
        """Before the weights are touched: FloatingPointError where the value is infinite or no number."""
        if not torch.isfinite(value):
            raise FloatingPointError(
                f"teacher, step {self.step}: {what} is {value.item()}; the weights were not touched, and the last checkpoint is "
                "kept: start again, and if it stops here again, with autocast = false"
            )

    def noise_levels(self) -> Tensor:
        """float32 [batch] in (0, 1]."""
        uniform = torch.rand(self.settings.batch_size)
        high = torch.rand(self.settings.batch_size) < self.settings.high_noise_share
        return torch.where(high, 1 - 0.3 * uniform, 0.01 + 0.99 * uniform)

    def paint(self, texts: list[str], noise: Tensor) -> Tensor:
        """Pictures by the averaged weights."""
        ids, s = token_ids(self.tokenizer, texts).to(self.device), self.settings
        with self.average.in_place_of(self.both):
            return sample(
                lambda x, t: guided_clean(self.unet, self.encoder, x, t, ids, self.empty, s.guidance),
                noise.to(self.device),
                sigmas(s.steps),
            )


def is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """What Muon takes: not vectors, embeddings, the first layer or the last ones."""
    outer = ("words", "positions", "stem", "head.blend", "head.out")
    return parameter.ndim >= 2 and not any(part in name for part in outer)


def settings_of(recipe: Recipe) -> TeacherSettings:
    named = {key: value for key, value in asdict(recipe.teacher).items() if key not in ("seconds", "ready", *CACHED_KEYS)}
    return TeacherSettings(source=recipe.source, seed=recipe.seed, **named)


def train_teacher(
    settings: TeacherSettings, out: Path, seconds: float, start_from: Path | None = None, watch: Watch | None = None,
    device: torch.device = CPU,
) -> None:  # fmt: skip
    """`seconds` is the whole budget, earlier runs included. The evaluator is already in `out`.

    `start_from` is a kept teacher to begin with; a checkpoint in `out` goes before it.
    """
    # Averages of squared gradients near zero would otherwise run as denormals, at a tenth of the speed.
    torch.set_flush_denormal(True)
    training, log = TeacherTraining(settings, out, device), MetricsLog(out / "teacher.jsonl", echo=watch is None)
    if (out / CHECKPOINT).exists():
        training.resume()
    elif start_from is not None:
        training.start_from(start_from)
    judge = Judge(training.sprites, load_evaluator(training.sprites, out / "evaluator.safetensors", device))
    parameters = sum(p.numel() for p in training.unet.parameters())
    log.write(start=True, step=training.step, parameters=parameters, seconds=seconds, **asdict(settings))
    saved = judged = training.spent
    losses: list[tuple[float, float]] = []
    courtesy = Courtesy()
    while training.spent < seconds:
        if watch and watch.stop_asked:
            training.save()
            watch.stop_if_asked(f"saved the teacher at step {training.step}")
        courtesy.look()
        begun = time.monotonic()
        losses.append(training.train_step(training.spent / seconds))
        training.spent += time.monotonic() - begun
        if watch:
            watch.tell("teacher", training.spent, seconds, "seconds", {"loss": losses[-1][0]})
        if training.step % 50 == 0:
            pictures = training.step * settings.batch_size
            loss, layout = np.mean(losses, axis=0)
            log.write(step=training.step, pictures=pictures, loss=float(loss), layout=float(layout), spent=training.spent)
            losses.clear()
        if training.step == 20 or training.spent - saved > settings.save_every:
            training.save()
            saved = training.spent
        if training.spent - judged > settings.judge_every:
            report(training, judge, log)
            judged = training.spent
    training.save()
    report(training, judge, log)


def report(training: TeacherTraining, judge: Judge, log: MetricsLog) -> None:
    shown: list[Tensor] = []

    def paint(texts: list[str], noise: Tensor) -> Tensor:
        shown.append(training.paint(texts, noise))
        return shown[-1]

    shares = judge(paint)
    log.write(step=training.step, pictures=training.step * training.settings.batch_size, spent=training.spent, **shares)
    save_sheet([to_pixels(shown[0][:32])], [c.text for c in judge.captions[:32]], training.out / "teacher.png")
