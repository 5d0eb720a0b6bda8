"""Says in a component's config.json that its graph holds no scores of attention, which devices predict its memory from."""

import json
from pathlib import Path

import onnx

FUSED = "fused_attention"


def mark_attention(folder: Path) -> None:
    """Of the folder of one component; what has no graph of ONNX or no config.json is left as it is."""
    graph, config = folder / "model.onnx", folder / "config.json"
    if not graph.is_file() or not config.is_file():
        return
    nodes = onnx.load(str(graph), load_external_data=False).graph.node
    if any(node.op_type == "MultiHeadAttention" for node in nodes):
        config.write_text(json.dumps(json.loads(config.read_text()) | {FUSED: True}, indent=2) + "\n")
