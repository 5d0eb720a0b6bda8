"""The one byte form of a JSON value, as shared/canonical-json.ts writes it: RFC 8785 for what a manifest may hold."""

import json
import math
from decimal import Decimal


def canonical_json(value: object) -> str:
    """Keys sorted by UTF-16 code unit, no white space, numbers as ECMAScript prints them."""
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise ValueError(f"canonical JSON cannot carry {value}: JavaScript would round it")
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(canonical_json(member) for member in value)}]"
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be"))
        return f"{{{','.join(f'{json.dumps(key, ensure_ascii=False)}:{canonical_json(member)}' for key, member in members)}}}"
    raise TypeError(f"canonical JSON cannot carry a {type(value).__name__}")


def _number(value: float) -> str:
    """Number::toString of ECMA-262: the shortest digits that round-trip, plain between 1e-7 and 1e21."""
    if not math.isfinite(value):
        raise ValueError(f"canonical JSON cannot carry {value}")
    if value == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text, point = "".join(map(str, digits)), len(digits) + exponent
    if len(text) <= point <= 21:
        body = text + "0" * (point - len(text))
    elif 0 < point <= 21:
        body = f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = f"0.{'0' * -point}{text}"
    else:
        fraction = f".{text[1:]}" if len(text) > 1 else ""
        body = f"{text[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"-{body}" if sign else body
