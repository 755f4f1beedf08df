"""Which characters a name or value may hold, so that what is shown is what is meant.

Control characters move a terminal's cursor, line breaks forge lines, and bidirectional marks show
text in another order than it has (CVE-2021-42574). None of them belongs in a value.
"""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separators, bidirectional and zero-width marks, the
# byte-order mark, lone surrogates, tags and other invisible format characters.
_FORBIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
# Texts of several lines (scripts, SQL) may break lines and indent.
_FORBIDDEN_IN_TEXT = re.compile(_FORBIDDEN.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))

NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")


def forbidden_character(value: str, *, multiline: bool = False) -> str | None:
    """Give the first character that must not be there as ``U+XXXX``, or None.

    ``multiline`` allows line feed and tab, for scripts and SQL.
    """
    found = (_FORBIDDEN_IN_TEXT if multiline else _FORBIDDEN).search(value)
    return f"U+{ord(found.group()):04X}" if found else None


def visible(value: str, *, limit: int = 200) -> str:
    """Give a value from outside as one line that is safe to print, cut at ``limit`` characters."""
    shown = _FORBIDDEN.sub(lambda m: f"\\u{{{ord(m.group()):x}}}", value)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def marked(value: str, *, multiline: bool = False) -> str:
    """Give a value with each character that must not be there as ``<U+202E>``; ``multiline`` as above."""
    return (_FORBIDDEN_IN_TEXT if multiline else _FORBIDDEN).sub(lambda m: f"<U+{ord(m.group()):04X}>", value)
