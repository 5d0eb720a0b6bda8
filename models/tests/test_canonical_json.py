import json
import random
import shutil
import struct
import subprocess

import pytest

from stillhouse_models.canonical_json import canonical_json


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"é"],"b":1}'),
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1.5e-7, "1.5e-7"),
        (1e21, "1e+21"),
        (123456789012345680000.0, "123456789012345680000"),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'),
    ],
)
def test_values_as_rfc_8785_writes_them(value: object, text: str) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**60])
def test_what_would_not_round_trip_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="canonical JSON cannot carry"):
        canonical_json(value)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node here to compare with")
def test_numbers_are_printed_as_node_prints_them() -> None:
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    patterns = (struct.unpack("<d", rng.randbytes(8))[0] for _ in range(4000))
    numbers = [n for n in patterns if n == n and abs(n) != float("inf")] + [rng.uniform(-1e3, 1e3) for _ in range(1000)]
    script = "process.stdout.write(JSON.stringify(JSON.parse(require('fs').readFileSync(0, 'utf8'))))"
    node = subprocess.run(["node", "-e", script], input=json.dumps(numbers), capture_output=True, text=True, check=True)
    assert canonical_json(numbers) == node.stdout, f"seed {seed}"
