"""One HTML file that needs nothing else, and runs nothing: what the pages of evidence and of the audit have in common.

Every value goes through ``finalize`` (control and bidirectional characters are made visible, long ones are
cut) and then through Jinja2's autoescape, so no value becomes syntax. The page has no script and no outside
reference, and its Content-Security-Policy allows one thing: the style sheet with this very digest.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup

from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOLDER = Path(__file__).parent
_LONGEST = 2000
# The space between a number and its unit, which no line may break.
_UNIT = re.compile(r"(?<=\d) (?=(?:s|ms|min|h)\b|秒|毫秒|分|小时|笔|次|条|%)")


def render(template: Path, values: Mapping[str, Any], *, language: str, style: Path | None = None) -> str:
    """Give the page.

    Args:
        template: extends ``frame.html.j2`` of this folder.
        values: what the template names.
        language: ``en`` or ``zh``, which the page shows first; both are in it.
        style: a style sheet of its own, besides the common one.
    """
    css = "".join(_text(path) for path in (_FOLDER / "report.css", style) if path is not None)
    hashed = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        _environment(template.parent)
        .get_template(template.name)
        .render(
            values,
            css=Markup(css),  # noqa: S704 - files of this package
            csp=f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'",
            language=language,
            html_lang="zh-Hans" if language == "zh" else "en",
        )
    )


@cache
def _environment(folder: Path) -> Environment:
    return Environment(
        loader=FileSystemLoader([folder, _FOLDER]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _shown(value: object) -> object:
    """Make a value fit to be shown; what is markup already was made by us."""
    if isinstance(value, Markup | Undefined):
        return value
    return _UNIT.sub("\u00a0", visible(str(value), limit=_LONGEST))
