"""Why a service that was to come back did not, as the independent parts of the run tell it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.evidence.result import MAIN
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Mapping


def why_not_done(record: Mapping[str, Any], service: Mapping[str, Any]) -> Text | None:
    """Give why the part that is about a service was not done; None where it was, or the run has no parts.

    ``record``: the JSON value of ``record.json``; ``service``: one of its ``services``.
    """
    for run in record["runs"]:
        for part in run.get("parts", ()) if run["part"] == MAIN else ():
            if part["protection"] == service["protection"] and not part["done"]:
                return Text(
                    f"the part “{part['title']['en']}” was not done: {part['why'].rstrip('.')}",
                    f"“{part['title']['zh']}”未完成（原文：{part['why'].rstrip('.')}）",
                )
    return None
