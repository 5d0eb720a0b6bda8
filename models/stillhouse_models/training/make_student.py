"""The network that a recipe's [student] describes, with random weights."""

from stillhouse_models.networks.denoiser import Denoiser
from stillhouse_models.networks.families import FAMILIES
from stillhouse_models.recipe import StudentRecipe


def make_student(student: StudentRecipe, side: int, context_channels: int, sample_channels: int = 3) -> Denoiser:
    """`side` and `sample_channels` of what it paints, `context_channels` of what it is told."""
    # The teacher's own family has no other attention than the full one, and windows fix the size.
    kind = {} if student.attention == "full" else {"attention": student.attention}
    kind |= {} if student.positions == "learned" else {"positions": student.positions}
    return FAMILIES[student.family](
        in_channels=sample_channels, out_channels=sample_channels, channels=list(student.channels),
        num_res_blocks=student.num_res_blocks, patch=student.patch, pixel_channels=student.pixel_channels,
        context_channels=context_channels, sample_size=side, **kind,
    )  # fmt: skip
