"""A cache as lessons read it: any of its pictures' paths, and its prompts' embeddings."""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from stillhouse_models.cached_teacher.cache_plan import TEXTS_A_SHARD, CachePlan
from stillhouse_models.cached_teacher.shards import shard_file
from stillhouse_models.faults import ToolkitError

PLAN = "plan.json"


class LatentCache:
    """Shards stay mapped, not in memory. ToolkitError where one is missing."""

    def __init__(self, folder: Path):
        self.folder = folder
        noted = json.loads((folder / PLAN).read_text())
        self.plan, self.prompts = CachePlan(**noted["plan"]), list[str](noted["prompts"])
        self.latents = self._open("latents", -(-self.plan.pictures // self.plan.pictures_a_shard))
        self.texts = self._open("texts", -(-self.plan.prompts // TEXTS_A_SHARD))
        self.levels: Tensor = self.latents[0].get_tensor("levels")
        # Pipelines may give fewer tokens than the plan's bound.
        self.text_length: int = self.texts[0].get_slice("context").get_shape()[1]

    def _open(self, name: str, count: int) -> list:
        files = [shard_file(self.folder, name, number) for number in range(count)]
        if missing := [file for file in files if not file.exists()]:
            raise ToolkitError(f"{missing[0]} is not there ({len(missing)} of {count} shards missing): fill the cache again")
        return [safe_open(str(file), framework="pt") for file in files]

    def path(self, picture: int) -> Tensor:
        """float32 [states, channels, side, side]: its noise first, its latents last."""
        shard, row = divmod(picture, self.plan.pictures_a_shard)
        states: Tensor = self.latents[shard].get_slice("states")[row]
        return states.float()

    def context(self, prompt: int) -> Tensor:
        """float32 [1 + L, C]: the embeddings, and before them their mean, where a student looks for the whole sentence."""
        shard, row = divmod(prompt, TEXTS_A_SHARD)
        context = self.texts[shard].get_slice("context")[row].float()
        length = int(self.texts[shard].get_slice("lengths")[row : row + 1].item())
        return torch.cat([context[:length].mean(dim=0, keepdim=True), context])
