"""What a plain scalar of YAML 1.2's core schema means: ``no`` and ``017`` and ``12:30`` are texts."""

from __future__ import annotations

import re
from typing import Any

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?")
_INT_DIGITS, _FLOAT_DIGITS = 18, 40  # longer ones stay texts: a number could not hold them exactly
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]")
_CONSTANTS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip


def scalar(text: str) -> Any:
    """Give the value of a plain scalar: None, a bool, an int, a float, or the text itself."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in "+-.0123456789" and not _LEADING_ZERO.match(text):
        if _INT.fullmatch(text) and len(text) <= _INT_DIGITS:
            return int(text)
        if _FLOAT.fullmatch(text) and len(text) <= _FLOAT_DIGITS:
            number = float(text)
            return number if abs(number) != float("inf") else text
    return text
