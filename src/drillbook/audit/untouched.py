r"""Tells quickly that a change of a file did not touch an entry, and says so only when that is sure.

A history of a thousand commits to a file of ten thousand items is read in seconds, because almost no commit
is about the item that was asked for. What is sure:

- The id stands in neither text, and neither has a backslash, which could spell it otherwise.
- Every line of both is *regular*: nothing that begins in it goes on in the next one (no quote, bracket or text
  of several lines, no tab, no marker of a document). Then what a line belongs to is told by the indentations
  above it alone. What differs is as deep as the entry's key or deeper, does not name it, and does not stand
  below its key. So the entry's own lines, and those that say where it belongs, are the same.

Regularity is a property of each line, so a file's whole text is looked at once: what is known of one version
holds for the next one, but for the lines that differ. In all other cases the file is read as YAML. A text that
is no YAML at all (a key twice, a line in no column) may pass as untouched here: the entry's lines are.
"""

from __future__ import annotations

import re

_QUOTED = r"\"[^\"\\\n]*\"|'[^'\n]*'"
_IN_FLOW = rf"[^\n\t\r\[\]{{}}'\"#\\]|{_QUOTED}"
_FLAT = rf"\{{(?:{_IN_FLOW})*\}}|\[(?:{_IN_FLOW})*\]"
_FLOW = rf"\{{(?:{_IN_FLOW}|{_FLAT})*\}}|\[(?:{_IN_FLOW}|{_FLAT})*\]"
_PLAIN = r"(?:[^\s\-?:,\[\]{}#&*!|>'\"%@`\\]|-(?=[^\s\-]))[^\n\t\r\\]*"
_VALUE = rf"(?:{_PLAIN}|(?:{_QUOTED}|{_FLOW}) *(?: #[^\n\t\r]*)?)"
_KEY = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_LINE = rf" *(?:(?:#[^\n\t\r]*)?|(?:- +)?{_KEY}:(?: +(?:{_VALUE}|#[^\n\t\r]*)?)?|- +{_VALUE})"
_IRREGULAR = re.compile(rf"^(?!{_LINE}$)".encode(), re.MULTILINE)
_FARTHEST = 5_000  # lines that are looked at above what differs, for the key that it stands below


class Untouched:
    """Remembers which contents are regular; one for a walk through a history."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._regular: dict[str, bool] = {}

    def sure(self, id_: str, *, old: tuple[str, bytes], new: tuple[str, bytes]) -> bool:
        """Tell whether the entry ``id_`` is surely the same in both; ``old`` and ``new`` are (object id, content)."""
        key = id_.encode()
        if not any(key in text or b"\\" in text for _, text in (old, new)):
            return True
        before, after = old[1], new[1]
        start, end = _differing(before, after)
        removed, added = before[start : len(before) - end], after[start : len(after) - end]
        if key in removed or key in added or not self._both_regular(old, new, (removed, added)):
            return False
        depth = _indent_of_key(after, key)
        if depth is None:
            return False
        lines = [line for part in (removed, added) for line in part.split(b"\n") if _counts(line)]
        if any(_indent(line) < depth for line in lines):
            return False
        # Either it begins outside the entry, or the entry has ended above it, in both versions.
        return not _below(after, start, key, depth) or all(_ended(text, start, depth) for text in (before, after))

    def block(self, id_: str, version: tuple[str, bytes]) -> bytes | None:
        """Give a text that holds this entry alone, below its section; None when it must be read from the whole.

        Only of a content that is known to be regular, so ask ``sure`` before.
        """
        name, text = version
        if not self._regular.get(name) or b"\\" in text:
            return None
        key = id_.encode()
        depth = _indent_of_key(text, key)
        places = [each.start(1) for each in re.finditer(rb"^ *(" + re.escape(key) + rb"):", text, re.MULTILINE)]
        if not depth or len(places) != 1:
            return None
        start = text.rfind(b"\n", 0, places[0]) + 1
        section = _section_above(text, start, depth)
        end = text.find(b"\n", start) + 1 or len(text)
        while end < len(text) and not _ended(text, end, depth):
            end = text.find(b"\n", end) + 1 or len(text)
        return None if section is None else section + b"\n" + text[start:end]

    def _both_regular(self, old: tuple[str, bytes], new: tuple[str, bytes], differing: tuple[bytes, bytes]) -> bool:
        """Look at what differs when one of the two is known, else at one of them whole."""
        known = next((each for each, _ in (new, old) if each in self._regular), None)
        if known is None:
            known = new[0]
            self._regular[known] = _regular(new[1])
        if not self._regular[known]:
            return False
        other, lines = (old[0], differing[0]) if known == new[0] else (new[0], differing[1])
        if other not in self._regular:
            self._regular[other] = _regular(lines)
        return self._regular[other]


def _regular(text: bytes) -> bool:
    if text.endswith(b"\n"):
        text = text[:-1]
    return _IRREGULAR.search(text) is None


def _differing(old: bytes, new: bytes) -> tuple[int, int]:
    """Give how many bytes are the same at the start, and at the end, each to the border of a line."""
    start = _same(old, new)
    start = old.rfind(b"\n", 0, start) + 1
    end = _same_at_end(old[start:], new[start:])
    tail = old[len(old) - end :]
    at_border = end == len(old) - start or end == len(new) - start
    if at_border and all(text[len(text) - end - 1 : len(text) - end] in (b"\n", b"") for text in (old, new)):
        return start, end
    cut = tail.find(b"\n")
    return start, 0 if cut < 0 else end - cut - 1


def _same(old: bytes, new: bytes) -> int:
    """Give the length of the common beginning; slices are compared, which is quick."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _same_at_end(old: bytes, new: bytes) -> int:
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[len(old) - middle : len(old) - low] == new[len(new) - middle : len(new) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _counts(line: bytes) -> bool:
    stripped = line.lstrip(b" ")
    return bool(stripped) and not stripped.startswith(b"#")


def _indent(line: bytes) -> int:
    return len(line) - len(line.lstrip(b" "))


def _indent_of_key(text: bytes, key: bytes) -> int | None:
    """Give the one indentation at which the key stands, or None when it does not, or at several."""
    found: set[int] = set()
    wanted = key + b":"
    place = text.find(wanted)
    while place >= 0:
        line = text.rfind(b"\n", 0, place) + 1
        if not text[line:place].strip(b" "):
            found.add(place - line)
        place = text.find(wanted, place + 1)
    return found.pop() if len(found) == 1 else None


def _section_above(text: bytes, start: int, depth: int) -> bytes | None:
    """Give the line that opens the section of an entry, when the entry stands right below one in indentation."""
    place = text.rfind(b"\n", 0, start)
    while place >= 0:
        begin = text.rfind(b"\n", 0, place) + 1
        line = text[begin:place]
        if _counts(line) and _indent(line) < depth:
            name = line.partition(b"#")[0].rstrip(b" ")
            return name if _indent(line) == 0 and name.endswith(b":") else None
        place = begin - 1
    return None


def _ended(text: bytes, start: int, depth: int) -> bool:
    """Tell whether what stands below a key ends at ``start``: the next line is no deeper than the key."""
    for _ in range(_FARTHEST):
        end = text.find(b"\n", start)
        line = text[start:] if end < 0 else text[start:end]
        if _counts(line):
            return _ends(line, depth)
        if end < 0:
            return True
        start = end + 1
    return False


def _ends(line: bytes, depth: int) -> bool:
    """Tell whether a line ends what stands below a key; an item of a list may stand in the key's column."""
    return _indent(line) <= depth and not line.lstrip(b" ").startswith(b"- ")


def _below(text: bytes, start: int, key: bytes, depth: int) -> bool:
    """Tell whether what starts at ``start`` may stand below the key: in doubt, yes."""
    end = start
    for _ in range(_FARTHEST):
        if end == 0:
            return False
        line_start = text.rfind(b"\n", 0, end - 1) + 1
        line = text[line_start : end - 1]
        if _counts(line) and _ends(line, depth):
            return line.lstrip(b" ").startswith(key + b":")
        end = line_start
    return True
