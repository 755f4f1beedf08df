"""Values of the CMDB as a person reads them, before and after."""

from __future__ import annotations

from typing import Any

from drillbook.text import visible

NONE = "–"
_LONGEST = 2000


def value_words(value: Any) -> str:
    """Give a value in one line: a dash when there is none, quotes when it is an empty text."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return visible("[" + ", ".join(value_words(each) for each in value) + "]", limit=_LONGEST)
    if isinstance(value, dict):
        inner = ", ".join(f"{key}: {value_words(each)}" for key, each in value.items())
        return visible(f"{{{inner}}}", limit=_LONGEST)
    text = visible(str(value), limit=_LONGEST)
    return text if text.strip() else f"'{text}'"


def before_and_after(old: Any, new: Any) -> tuple[str, str]:
    """Give both sides of a change; of two lists what each has alone, so that a long list does not hide it."""
    if isinstance(old, list) and isinstance(new, list):
        lost, gained = [each for each in old if each not in new], [each for each in new if each not in old]
        if (lost or gained) and len(old) + len(new) > len(lost) + len(gained):
            return f"− {value_words(lost)}" if lost else "…", f"+ {value_words(gained)}" if gained else "…"
    before, after = value_words(old), value_words(new)
    if before == after:  # another type, or longer than what is shown
        return f"{before} ({type(old).__name__})", f"{after} ({type(new).__name__}, differs)"
    return before, after
