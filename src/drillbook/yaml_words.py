"""What libyaml finds wrong, in plain words: the line to look at, what is wrong there, and what would be right.

libyaml says where it could not go on. That is often a line too late, and in the words of a grammar.
"""

from __future__ import annotations

from typing import Any

import yaml

from drillbook.text import visible

_NO_COLON = "the line has no colon; it must be 'name: value', or '- value' in a list"
_TAB = "a tab indents the line; use blanks"
_TWO_COLONS = "a value that holds ': ' must be in quotes, such as name: 'one: two'"
_DEEPER = "the line is indented deeper than the one above, which has a value; begin both in the same column"
_COLUMN = "the line begins in the column of no line that it could belong to; indent it as its neighbours"
_BEHIND = "more stands behind a closing quote or bracket; quote the whole value (a quote in it twice: 'it''s')"
_FIRST = "list items ('- value') and lines of 'name: value' stand in one column; indent what belongs below"


def explained(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """Give the line (from 1) that a person should look at, and what to say of it.

    ``error`` is what libyaml raised for ``text``. What is not known here is said in libyaml's words.
    """
    text = text.removeprefix("\ufeff")  # which its marks do not count
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return 1, visible(str(error.problem))
    problem = error.problem or ""
    opened = error.context_mark or mark
    found = text[mark.index : mark.index + 1]
    if "could not find expected ':'" in problem:
        return opened.line + 1, _NO_COLON
    if "cannot start any token" in problem or "tab character" in problem:
        said = _TAB if found == "\t" else f"a value cannot begin with '{visible(found)}'; put it in quotes"
        return mark.line + 1, said
    if "mapping values are not allowed" in problem:
        return _second_colon(text, mark)
    if any(each in problem for each in ("expected key", "expected '-' indicator", "expected <document start>")):
        return _misplaced(text, mark)
    if "flow sequence" in (error.context or "") or "flow mapping" in (error.context or ""):
        return _unclosed(text, mark, opened)
    if "expected node content" in problem:
        return _no_value(text, mark)
    if "quoted scalar" in (error.context or "") and ("end of stream" in problem or "document indicator" in problem):
        quote = text[opened.index : opened.index + 1]
        return opened.line + 1, f"the quote ({quote}) that opens here is not closed; close it behind the value"
    if "unknown escape" in problem:
        return mark.line + 1, "in double quotes a backslash begins an escape; use single quotes, or write it twice"
    if "block scalar" in (error.context or ""):
        return mark.line + 1, "nothing may stand behind | or >; begin the text in the next line, indented"
    what = " ".join(part for part in (error.context, error.problem) if part)
    return mark.line + 1, f"{visible(what)}; see the line and the one above it"


def _before(text: str, mark: Any) -> str:
    """Give what stands on the mark's line before it."""
    return text[mark.index - mark.column : mark.index]


def _second_colon(text: str, mark: Any) -> tuple[int, str]:
    """Tell apart a second colon on the line, a line above without any, and a line that is too deep."""
    before = _before(text, mark)
    if ": " in before.strip():
        return mark.line + 1, _TWO_COLONS
    return _bare_above(text, mark) or (mark.line + 1, _DEEPER)


def _bare_above(text: str, mark: Any) -> tuple[int, str] | None:
    """Blame the last line above the mark when it should hold a colon and does not."""
    above = text[: mark.index - mark.column].splitlines()
    while above and (not above[-1].strip() or above[-1].lstrip().startswith("#")):
        above.pop()
    bare = above[-1].split(" #")[0].rstrip() if above else ""
    item = bare.lstrip().startswith("- ")
    if not bare or item or ": " in bare or bare.endswith(":") or _column(bare) < _column(_before(text, mark)):
        return None
    return len(above), _NO_COLON


def _column(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _misplaced(text: str, mark: Any) -> tuple[int, str]:
    found = text[mark.index : mark.index + 1]
    if _before(text, mark).strip():
        return mark.line + 1, f"a '{found}' too many; remove it" if found and found in "]}" else _BEHIND
    if bare := _bare_above(text, mark):
        return bare
    inner = text[mark.index : mark.index + 2] == "- "
    above = text[: mark.index - mark.column].splitlines()
    same = [line for line in above if line.strip() and _column(line) == mark.column]
    if same and same[-1].lstrip().startswith("- ") is not inner:
        return mark.line + 1, _FIRST
    return mark.line + 1, _COLUMN


def _unclosed(text: str, mark: Any, opened: Any) -> tuple[int, str]:
    """Tell apart a bracket that is not closed, a second colon in a value, and a comma that is missing."""
    found = text[mark.index : mark.index + 1]
    inside = text[opened.index + 1 : mark.index]
    piece = inside[max(inside.rfind(each) for each in ",{[") + 1 :].strip()
    if found == ":" and ": " in piece and "\n" not in piece:
        return mark.line + 1, _TWO_COLONS
    if (found and found in "\"'") or (mark.line == opened.line and found not in ("", "\n", *"]}:")):
        return mark.line + 1, f"a comma is missing before {visible(found)}, or a value must be in quotes as a whole"
    return opened.line + 1, _not_closed(text, opened.index)


def _not_closed(text: str, index: int) -> str:
    bracket = text[index : index + 1]
    closing = "]" if bracket == "[" else "}"
    return f"the '{bracket}' that opens here is not closed, or a comma is missing in it; close it with '{closing}'"


def _no_value(text: str, mark: Any) -> tuple[int, str]:
    if text[mark.index :].strip():
        found = visible(text[mark.index : mark.index + 1])
        return mark.line + 1, f"a value is missing before '{found}', or '{found}' is too many"
    opened = []
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
            opened.append(token.start_mark)
        elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
            opened.pop()
    if not opened:
        return mark.line + 1, "a value is missing at the end; write it, or remove its name"
    return opened[-1].line + 1, _not_closed(text, opened[-1].index)
