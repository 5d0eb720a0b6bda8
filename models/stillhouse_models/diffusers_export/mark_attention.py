"""Says in a component's config.json that its graph holds no scores of attention, which devices predict its memory from."""

import json
from pathlib import Path

import onnx

FUSED = "fused_attention"


def mark_attention(folder: Path) -> None:
    """Of the folder of one component, whole or in parts; what has no graph of ONNX or no config.json is left as it is."""
    config = folder / "config.json"
    if not config.is_file():
        return
    graphs = (onnx.load(str(file), load_external_data=False).graph for file in folder.glob("*.onnx"))
    if any(node.op_type == "MultiHeadAttention" for graph in graphs for node in graph.node):
        config.write_text(json.dumps(json.loads(config.read_text()) | {FUSED: True}, indent=2) + "\n")
