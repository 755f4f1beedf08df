"""The evidence page of a drill: one HTML file that needs nothing else, and runs nothing. Pure but for its template.

Every value goes through ``finalize`` (control and bidirectional characters are made visible, long ones are
cut) and then through Jinja2's autoescape, so no value of a record becomes syntax. The page has no script and
no outside reference, and its Content-Security-Policy allows one thing: the style sheet with this very digest.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, Undefined
from markupsafe import Markup

from drillbook.errors import JournalError
from drillbook.evidence.page.view import view
from drillbook.evidence.page.words import WORDS
from drillbook.plan.render import plan_page
from drillbook.runbook.words import LANGUAGES
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.plan.model import Plan
    from drillbook.runbook.page import Line

_LONGEST = 2000
# The space between a number and its unit, which no line may break.
_UNIT = re.compile(r"(?<=\d) (?=(?:s|ms|min|h)\b|秒|毫秒|分|小时|笔|次|条|%)")
_LONGEST_ROW = 4000


def page(record: Mapping[str, Any], plans: Mapping[str, Plan], *, language: str = "en") -> str:
    """Give the page.

    Args:
        record: a value of the newest format; with or without the digests over itself.
        plans: by run id, the plans that the record's runs had; a run without one is shown by its digest.
        language: ``en`` or ``zh``, which the page shows first; both are in it.

    Raises:
        JournalError: the record contradicts itself, so that it cannot be shown.
    """
    template, css = _template()
    try:
        values = view(record)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise JournalError(f"the record contradicts itself: {type(error).__name__}: {error}") from None
    for run in values["runs"]:
        plan = plans.get(run["id"])
        run["plan"] = None if plan is None else [(each, list(map(_line, plan_page(plan, each)))) for each in LANGUAGES]
    hashed = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return template.render(
        v=values,
        w=WORDS,
        css=Markup(css),  # noqa: S704 - a file of this package
        csp=f"default-src 'none'; style-src 'sha256-{hashed}'; base-uri 'none'; form-action 'none'",
        language=language,
        html_lang="zh-Hans" if language == "zh" else "en",
    )


@cache
def _template() -> tuple[Template, str]:
    folder = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2"), (folder / "report.css").read_text(encoding="utf-8")


def _shown(value: object) -> object:
    """Make a value fit to be shown; what is markup already was made by us."""
    if isinstance(value, Markup | Undefined):
        return value
    return _UNIT.sub("\u00a0", visible(str(value), limit=_LONGEST))


def _line(line: Line) -> dict[str, Any]:
    """Give a line of a plan; commands keep their own line breaks, and nothing else that could move them."""
    rows = (visible(row.replace("\t", "    "), limit=_LONGEST_ROW) for row in line.text.rstrip("\n").split("\n"))
    code = Markup("\n").join(rows)
    return {
        "kind": line.kind,
        "text": line.text,
        "label": line.label,
        "indent": min(line.indent, 3),
        "code": code,
    }
