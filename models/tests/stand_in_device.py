"""A device that is not the CPU, where there is none: its tensors say so, and compute on the CPU behind that.

Used as the device "meta", whose own tensors hold nothing: within `stand_in()` they hold numbers. An operation that gets tensors
of both devices fails here as it fails on a GPU (a number without axes may come from the CPU, as there).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("meta")
MAY_CROSS = (torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default)


class Held(torch.Tensor):
    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> "Held":
        made = torch.Tensor._make_wrapper_subclass(
            cls, inner.shape, strides=inner.stride(), storage_offset=inner.storage_offset(), dtype=inner.dtype, device=DEVICE
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


def _computed(func: Any, args: tuple, kwargs: dict) -> Any:
    tensors = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, torch.Tensor)]
    ours = [each for each in tensors if isinstance(each, Held)]
    strangers = [each for each in tensors if not isinstance(each, Held) and each.dim() > 0]
    if ours and strangers and func not in MAY_CROSS:
        raise RuntimeError(f"{func} got tensors of two devices")
    if func is torch.ops.aten.copy_.default:
        into, origin = (each.inner if isinstance(each, Held) else each for each in args[:2])
        into.copy_(origin)
        return args[0]
    named = kwargs.get("device")
    here = bool(ours) if named is None else torch.device(named) == DEVICE
    given, more = tree_map_only(Held, lambda each: each.inner, (args, kwargs))
    out = func(*given, **(more if named is None else more | {"device": torch.device("cpu")}))
    if not here:
        return out
    return return_and_correct_aliasing(func, args, kwargs, tree_map_only(torch.Tensor, Held, out))


class _Mode(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _computed(func, args, kwargs or {})


@contextmanager
def stand_in() -> Iterator[torch.device]:
    """The device, for as long as the context lasts."""
    with _Mode():
        yield DEVICE
