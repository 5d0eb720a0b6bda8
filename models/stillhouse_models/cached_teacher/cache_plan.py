"""What a cache will hold and how large it will be: known before the teacher is loaded."""

from dataclasses import asdict, dataclass
from typing import Any

from stillhouse_models.cached_teacher.teacher_folder import TeacherFolder

BYTES_A_NUMBER = 2
MIB = 2**20
TEXTS_A_SHARD = 64


@dataclass(frozen=True)
class CachePlan:
    """`pictures` are `seeds` of each prompt; each is kept as `states` latents of [channels, side, side], float16."""

    pipeline: str
    prompts: int
    seeds: int
    channels: int
    side: int
    states: int
    text_length: int
    text_width: int
    pictures_a_shard: int
    steps: int
    guidance: float
    seed: int

    @property
    def pictures(self) -> int:
        return self.prompts * self.seeds

    def text_bytes(self) -> int:
        return self.prompts * self.text_length * self.text_width * BYTES_A_NUMBER

    def latent_bytes(self) -> int:
        return self.pictures * self.states * self.channels * self.side * self.side * BYTES_A_NUMBER

    def bytes(self) -> int:
        return self.text_bytes() + self.latent_bytes()

    def words(self) -> str:
        return (
            f"{self.pictures} pictures of {self.prompts} prompts, each as {self.states} latents of "
            f"{self.channels}x{self.side}x{self.side}: {self.latent_bytes() / MIB:.1f} MiB, and embeddings of "
            f"{self.text_length}x{self.text_width}: at most {self.text_bytes() / MIB:.1f} MiB"
        )

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def plan_cache(teacher: TeacherFolder, prompts: int, wanted: Any, seed: int) -> CachePlan:
    """`wanted` is the recipe's [teacher]."""
    return CachePlan(
        pipeline=teacher.pipeline, prompts=prompts, seeds=wanted.seeds, channels=teacher.channels,
        side=wanted.size // teacher.scale, states=2 if wanted.keep == "final" else wanted.steps + 1,
        text_length=teacher.text_length, text_width=teacher.text_width, pictures_a_shard=wanted.batch_size,
        steps=wanted.steps, guidance=wanted.guidance, seed=seed,
    )  # fmt: skip
