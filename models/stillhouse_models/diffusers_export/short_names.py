"""Names inside a graph become numbers: fixtures keep no layer's path."""

from itertools import chain

import onnx


def shorten_names(graph: onnx.GraphProto) -> None:
    """In place. Inputs and outputs keep their names."""
    kept = {value.name for value in chain(graph.input, graph.output)}
    _shorten(graph, kept, {})


def _shorten(graph: onnx.GraphProto, kept: set[str], known: dict[str, str]) -> None:
    def short(name: str) -> str:
        return name if name in kept or not name else known.setdefault(name, f"v{len(known)}")

    for weights in graph.initializer:
        weights.name = short(weights.name)
    for node in graph.node:
        node.name = ""
        node.doc_string = ""
        for names in (node.input, node.output):
            names[:] = [short(name) for name in names]
        for inner in (attribute.g for attribute in node.attribute if attribute.HasField("g")):
            _shorten(inner, kept, known)
            for value in chain(inner.input, inner.output):
                value.name = short(value.name)
    del graph.value_info[:]
