"""Train the evaluator of a source on rendered scenes and report its accuracy on held-out ones."""

import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from stillhouse_models.networks.evaluator import Evaluator, softened
from stillhouse_models.sources.batches import SOURCES, Batch, batch, heads, labels
from stillhouse_models.sources.caption import PLAIN
from stillhouse_models.sources.sprites import SpriteSet
from stillhouse_models.training.compute_device import CPU, place_of
from stillhouse_models.training.metrics import MetricsLog
from stillhouse_models.training.pictures import to_tensor
from stillhouse_models.watch import Watch

HELD_OUT_SEED = 1_000_003
BATCH = 96
PEAK_RATE = 2e-3


def train_evaluator(
    source: str, channels: tuple[int, ...], out: Path, seconds: float, seed: int = 0, watch: Watch | None = None,
    device: torch.device = CPU,
) -> float:  # fmt: skip
    """Returns the share of held-out renders with every answer right. Stopped on the way, it keeps nothing."""
    sprites = SOURCES[source]()
    torch.manual_seed(seed)
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    network = Evaluator({name: len(names) for name, names in heads(sprites).items()}, sprites.resolution, channels)
    network = network.to(device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=1e-3)
    out.mkdir(parents=True, exist_ok=True)
    log = MetricsLog(out / "evaluator.jsonl", echo=watch is None)
    start, step = time.monotonic(), 0
    while (spent := (time.monotonic() - start) / seconds) < 1:
        optimiser.param_groups[0]["lr"] = PEAK_RATE * min(1, (step + 1) / 100, 2 * (1 - spent))
        drawn = batch(sprites, rng, BATCH, 0.5, PLAIN)
        pictures = softened(to_tensor(drawn.pictures), noise).contiguous(memory_format=torch.channels_last)
        wanted = {head: each.to(device) for head, each in targets(sprites, drawn).items()}
        loss = sum_of_losses(network(pictures.to(device)), wanted)
        if not torch.isfinite(loss):
            raise FloatingPointError(
                f"evaluator, step {step}: the loss is {loss.item()}; nothing was kept: start again, with another seed"
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        step += 1
        if watch:
            watch.tell("evaluator", time.monotonic() - start, seconds, "seconds", {"loss": loss.item()})
            watch.stop_if_asked("the evaluator begins anew")
        if step % 100 == 0:
            log.write(step=step, pictures=step * BATCH, loss=loss.item(), seconds=time.monotonic() - start)
        if step % 500 == 0:
            log.write(step=step, **accuracy(network, sprites, 512))
    shares = accuracy(network, sprites, 4096)
    log.write(step=step, final=True, **shares)
    fresh = out / "evaluator.safetensors.new"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, fresh)
    fresh.replace(out / "evaluator.safetensors")
    return shares["every"]


def targets(sprites: SpriteSet, drawn: Batch) -> dict[str, Tensor]:
    """int64 [B] per head."""
    truth = [labels(sprites, scene) for scene in drawn.scenes]
    return {head: torch.tensor([names.index(t[head]) for t in truth]) for head, names in heads(sprites).items()}


def sum_of_losses(answers: dict[str, Tensor], wanted: dict[str, Tensor]) -> Tensor:
    return torch.stack([nn.functional.cross_entropy(answers[head], wanted[head]) for head in wanted]).sum()


@torch.no_grad()
def accuracy(network: Evaluator, sprites: SpriteSet, count: int) -> dict[str, float]:
    """Share of right answers per head, and of pictures with `every` answer right, on held-out renders."""
    network.eval()
    drawn = batch(sprites, np.random.default_rng(HELD_OUT_SEED), count, 0.5, PLAIN, held_out=True)
    right: dict[str, list[Tensor]] = {head: [] for head in heads(sprites)}
    for begin in range(0, count, 256):
        answers = network(to_tensor(drawn.pictures[begin : begin + 256]).to(place_of(network)))
        for head, wanted in targets(sprites, drawn).items():
            right[head].append(answers[head].argmax(1).cpu() == wanted[begin : begin + 256])
    network.train()
    joined = {head: torch.cat(parts) for head, parts in right.items()}
    every = torch.stack(list(joined.values())).all(0)
    return {head: value.float().mean().item() for head, value in joined.items()} | {"every": every.float().mean().item()}
