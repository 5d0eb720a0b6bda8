"""What OpenVINO computes a variant's graphs in, whatever their weights are stored in, and which processors do so by themselves.

Devices follow the same table (shared/inference-precision.ts); what a processor lacks, OpenVINO computes in f32 or emulates.
"""

import platform
import re
from pathlib import Path
from typing import Any

from stillhouse_models.faults import RefusedError

F32 = "f32"
# As Node calls architectures, and the kernel extensions.
INSTRUCTION_SETS = {"f16": {"arm64": ["asimdhp"]}, "bf16": {"x64": ["avx512_bf16"]}}
_ARCHITECTURES = {"x86_64": "x64", "aarch64": "arm64"}
_CPUINFO = Path("/proc/cpuinfo")


def processor_computes_in(precision: str) -> bool:
    """Whether this machine's has the extensions; where it does not say which it has, it has none but f32."""
    if precision == F32:
        return True
    needed = INSTRUCTION_SETS[precision].get(_ARCHITECTURES.get(platform.machine(), ""))
    listed = re.search(r"^(?:flags|Features)\s*:(.*)$", _CPUINFO.read_text() if _CPUINFO.exists() else "", re.MULTILINE)
    return needed is not None and listed is not None and set(needed) <= set(listed[1].split())


def precision_of(variant: dict[str, Any]) -> str:
    """Of a manifest's variant."""
    return str(variant.get("inferencePrecision", F32))


def computed_here(variants: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those that this machine computes as devices do. Refuses where that is none, naming what the processor would need."""
    able = [variant for variant in variants if processor_computes_in(precision_of(variant))]
    if able:
        return able
    needed = sorted({name for variant in variants for names in variant["instructionSets"].values() for name in names})
    raise RefusedError(
        f"this processor computes none of {', '.join(variant['name'] for variant in variants)}: it has none of "
        f"{', '.join(needed)}; judge the version on a machine that has, or export a variant in f32 beside them"
    )


def not_computed_here(variants: list[dict[str, Any]]) -> list[str]:
    """Names of the others, for whoever would look for them in a result."""
    return [variant["name"] for variant in variants if not processor_computes_in(precision_of(variant))]


def not_judged_text(names: list[str]) -> list[str]:
    """A line for people each."""
    return [f"{name}: not judged, since this processor does not compute in it" for name in names]
