"""Durations as people write them in the files: ``60 s``, ``5 min``, ``72 h``, ``1 d``, ``50 ms``."""

from __future__ import annotations

import re

UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
"""Seconds in each unit."""

PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,3})? (ms|s|min|h|d)$"
"""The form of a duration, in the schemas too."""

_FORM = re.compile(PATTERN)


def seconds(duration: str) -> float:
    """Give the seconds of a duration such as ``"60 s"``.

    Raises ValueError, with a sentence for a person, for every other form.
    """
    if _FORM.fullmatch(duration) is None:
        raise ValueError(f"'{duration[:40]}' is not a duration: a number, a space, then ms, s, min, h or d ('60 s')")
    number, unit = duration.split(" ")
    return float(number) * UNITS[unit]
