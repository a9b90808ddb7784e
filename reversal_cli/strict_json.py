"""JSON as the standard has it: Python's own reads and writes NaN, Infinity and 1e999 as if they were numbers."""

import json
import math
from collections.abc import Iterable
from typing import Any


def parse_json(text: str) -> Any:
    """Raises ValueError for what is no JSON, numbers that are none included."""
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def json_lines(records: Iterable[dict[str, Any]]) -> str:
    """One line per record. Raises ValueError for a number that is not finite."""
    return "".join(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in records)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number")
    return number
