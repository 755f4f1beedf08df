"""The evidence page of a drill. Pure but for its template; see ``drillbook.evidence.page.frame``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from drillbook.errors import JournalError
from drillbook.evidence.page.frame import render
from drillbook.evidence.page.view import view
from drillbook.evidence.page.words import WORDS
from drillbook.plan.render import plan_page
from drillbook.runbook.words import LANGUAGES
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.plan.model import Plan
    from drillbook.runbook.page import Line

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
    try:
        values = view(record)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise JournalError(f"the record contradicts itself: {type(error).__name__}: {error}") from None
    for run in values["runs"]:
        plan = plans.get(run["id"])
        run["plan"] = None if plan is None else [(each, list(map(_line, plan_page(plan, each)))) for each in LANGUAGES]
    return render(Path(__file__).with_name("report.html.j2"), {"v": values, "w": WORDS}, language=language)


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
