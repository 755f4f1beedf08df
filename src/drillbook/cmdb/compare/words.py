"""Values of the CMDB as a person reads them, before and after. Who shows them escapes them."""

from __future__ import annotations

from typing import Any

from drillbook.canonical import canonical_json
from drillbook.cmdb.compare.fields import list_parts

NONE = "–"
"""Stands where there is no value."""
_LEAD = 20  # characters that stay before what differs, where two long values begin alike


def value_words(value: Any) -> str:
    """Give a value in one line: a dash when there is none, quotes when it is an empty text."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(value_words, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {value_words(each)}' for key, each in value.items())}}}"
    text = str(value)
    return text if text.strip() else f"'{text}'"


def before_and_after(old: Any, new: Any, *, limit: int) -> tuple[str, str]:
    """Give two values that differ, so that the difference is seen in the first ``limit`` characters of each."""
    one, other = value_words(old), value_words(new)
    if one == other:  # another type
        one, other = canonical_json(old).decode(), canonical_json(new).decode()
    if one[: limit - 1] == other[: limit - 1]:
        shorter = min(len(one), len(other))
        alike = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), shorter)
        begins = max(0, alike - _LEAD)
        one, other = f"…{one[begins:]}", f"…{other[begins:]}"
    return one, other


def gained_and_lost(old: Any, new: Any, *, limit: int) -> tuple[str, str]:
    """Do the same; of two lists with something in common give what each has alone, ``…`` for nothing."""
    if isinstance(old, list) and isinstance(new, list):
        gained, lost = list_parts(old, new)
        if (gained or lost) and len(old) + len(new) > len(gained) + len(lost):
            return f"− {value_words(lost)}" if lost else "…", f"+ {value_words(gained)}" if gained else "…"
    return before_and_after(old, new, limit=limit)
