"""Nothing reports to its maker. Each check runs in a process of its own, without pytest in sight: NNCF looks for it."""

import subprocess
import sys
from pathlib import Path

TOOLKIT = Path(__file__).parents[1]
# Whatever tries to reach the network in the child says so and ends it.
GUARD = """
import socket
def refuse(*args, **kwargs):
    import os
    print("NETWORK", args, flush=True)
    os._exit(3)
socket.socket.connect = refuse
socket.getaddrinfo = refuse
"""


def run(code: str) -> str:
    environment = {"HOME": "/nonexistent", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", GUARD + code], cwd=TOOLKIT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_onnx_runtime_is_told_before_it_is_loaded() -> None:
    # The C library reads its own copy of the environment, which os.environ writes through to.
    code = """
import stillhouse_models.pipeline, ctypes
getenv = ctypes.CDLL(None).getenv
getenv.restype, getenv.argtypes = ctypes.c_char_p, [ctypes.c_char_p]
print(getenv(b"ORT_DISABLE_TELEMETRY").decode())
"""
    assert run(code).strip() == "1"


def test_every_module_that_loads_a_runtime_is_in_the_package_that_silences_it() -> None:
    loaders = [
        file
        for file in TOOLKIT.rglob("*.py")
        if not any(part.startswith(".venv") for part in file.parts) and "import onnxruntime" in file.read_text()
    ]
    assert loaders
    outside = [file for file in loaders if "stillhouse_models" not in file.parts and "tests" not in file.parts]
    assert outside == []


def test_openvino_converts_and_nncf_loads_with_their_reporters_gone() -> None:
    code = """
import stillhouse_models, io, onnx
from onnx import TensorProto, helper
import openvino
value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2])
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value("x")], [value("y")])
file = "/tmp/silent-%d.onnx" % __import__("os").getpid()
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
try:
    openvino.convert_model(file)
finally:
    __import__("os").remove(file)
from openvino.tools.ovc import convert_impl
import nncf.telemetry.wrapper as wrapper
print(convert_impl.tm.__name__, type(wrapper.telemetry).__name__)
"""
    assert run(code).split() == ["openvino.tools.ovc.telemetry_stub", "MagicMock"]
