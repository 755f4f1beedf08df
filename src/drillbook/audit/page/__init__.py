"""Pages for an auditor: one HTML file each that needs nothing else, and runs nothing.

Made as the evidence pages are, with their style sheet: values are made visible and then escaped by Jinja2, there is
no script and no outside reference, and the page's own policy allows one style sheet, by its digest.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Undefined
from markupsafe import Markup

from drillbook import evidence
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

_LONGEST = 2000


def render(template: str, values: Mapping[str, Any], *, language: str) -> str:
    """Give the page of a template of this folder. ``language`` (en or zh) is shown first; both are in it."""
    css = _css()
    hashed = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return (
        _environment()
        .get_template(template)
        .render(
            values,
            css=Markup(css),  # noqa: S704 - files of this package
            csp=f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'",
            language=language,
            html_lang="zh-Hans" if language == "zh" else "en",
        )
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _css() -> str:
    shared = Path(evidence.__file__).parent / "page" / "report.css"
    return shared.read_text(encoding="utf-8") + Path(__file__).with_name("audit.css").read_text(encoding="utf-8")


def _shown(value: object) -> object:
    if isinstance(value, Markup | Undefined):
        return value
    return visible(str(value), limit=_LONGEST)
