"""Nothing that the toolkit uses reports to its maker: not a run, not an error, not a version.

ONNX Runtime's Linux builds send events from 1.29 on unless this variable is set when the library is loaded. OpenVINO's
converter and NNCF send through the package openvino_telemetry, also without having asked; both do without the package.
"""

import os
import sys


def silence() -> None:
    """Must run before onnxruntime, openvino or nncf is imported; the package's __init__ calls it."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # A module that is None cannot be imported, which is what their `except ImportError` waits for.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
