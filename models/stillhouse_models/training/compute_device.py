"""Where a training computes, and how finely. What is kept, exported and judged as a version is made on the CPU.

Random numbers and pictures are drawn on the CPU and moved, so that the lessons are the same on every device; what follows from
them differs in last bits. No GPU has been at hand: tests/test_compute_device.py runs trainings on a stand-in for one, which
computes, refuses whatever mixes two devices, and has to give the CPU's numbers.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from stillhouse_models.faults import RefusedError

CPU = torch.device("cpu")
_autocast: ContextVar[bool] = ContextVar("autocast", default=True)


def device_of(name: str) -> torch.device:
    """ "auto" takes a GPU where torch finds one. RefusedError where "cuda" or "mps" is asked for and there is none."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, found in there.items() if found), "cpu"))
    if not there.get(name, name == "cpu"):
        usable = ["cpu", *(kind for kind, found in there.items() if found)]
        raise RefusedError(
            f'the recipe or --device asks for "{name}", and PyTorch {torch.__version__} finds no such device here, only '
            f'{", ".join(usable)}: look at its driver (nvidia-smi for "cuda"), or take "auto"'
        )
    return torch.device(name)


def place_of(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


@contextmanager
def arithmetic(autocast: bool) -> Iterator[None]:
    """Within, `half_on` gives bfloat16 or leaves float32."""
    before = _autocast.set(autocast)
    try:
        yield
    finally:
        _autocast.reset(before)


def half_on(device: torch.device) -> AbstractContextManager:
    """bfloat16 where precision allows it and the device has it; else float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if _autocast.get() and has_half(device) else nullcontext()


def has_half(device: torch.device) -> bool:
    """Whether it computes in bfloat16 by itself. Older ones only pretend: with AVX2 alone a step took five times as long."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return bool(torch.amp.is_autocast_available(device.type))


def attention_on(device: torch.device) -> AbstractContextManager:
    """The CPU's flash attention is slow to go back through: 1.2 times the step at small sizes. A GPU's is what it is for."""
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def compiled(network: Callable[..., Any]) -> Callable[..., Any]:
    """The same as a graph that PyTorch compiles when it is first called. RefusedError where there is no compiler for it."""
    wanted = (os.environ.get("CXX"), "g++", "clang++")
    if not any(name and shutil.which(name) for name in wanted):
        raise RefusedError(
            "the recipe says compiled = true, and there is no C++ compiler: install one (on Debian, sudo apt install g++), "
            "name it in CXX, or leave the key out"
        )
    graph: Callable[..., Any] = torch.compile(network)
    return graph
