"""Plans of the runbooks of ``tests.runbook_estate``, made without reading a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.plan.planner import make_plan
from drillbook.runbook.build import runbook_from
from drillbook.source import parse_yaml
from tests.runbook_estate import as_yaml, cmdb_of, estate

if TYPE_CHECKING:
    from drillbook.plan.model import Plan
    from drillbook.runbook.model import Runbook


def built(book: dict[str, Any]) -> Runbook:
    """Build a runbook without its rules: the planner must refuse by itself."""
    return runbook_from(parse_yaml(as_yaml(book), shown_as="x.yaml"), f"runbooks/{book['runbook']}.yaml")


def plan(
    *books: dict[str, Any],
    sections: dict[str, Any] | None = None,
    environment: str = "lab",
    **parameters: str,
) -> Plan:
    runbooks = {book["runbook"]: built(book) for book in books}
    return make_plan(
        cmdb=cmdb_of(sections or estate()),
        runbook=next(iter(runbooks.values())),
        runbooks=runbooks,
        environment=environment,
        parameters={"pair": "pair"} | parameters,
        artifacts_digest="sha256:a",
        engine="0.1",
    )
