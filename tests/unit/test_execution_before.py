"""What a person is told when the hosts are not as a plan assumes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from drillbook.clock import SystemClock
from drillbook.errors import AssumptionFailed
from drillbook.execution.before import check_assumptions
from drillbook.facts.checks import Fact
from drillbook.journal.writer import Journal
from tests.plan_values import plan
from tests.runbook_estate import failover

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.execution.actions import World


def refused(tmp_path: Path, *, named: bool) -> str:
    """Give the advice of a failover whose first assumption does not hold; ``named``: a parameter names the primary."""
    book = failover()
    if not named:
        del book["parameters"]["primary"]
        book["roles"]["primary"]["item"] = "{protection.members.primary}"
    checks = SimpleNamespace(run=lambda *_, **__: Fact(False, True, "it is no standby", 0.0))
    world = cast("World", SimpleNamespace(plan=plan(book), checks=checks))
    journal = Journal.create(tmp_path / "journal.jsonl", SystemClock())
    try:
        with pytest.raises(AssumptionFailed, match=r"it is a standby.*it is no standby") as found:
            check_assumptions(world, journal)
    finally:
        journal.close()
    return found.value.remedy


def test_who_plays_which_part_can_be_named_anew(tmp_path: Path) -> None:
    assert refused(tmp_path, named=True).splitlines() == [
        "nothing was changed",
        "if another host plays that part now, name it: the plan has --param primary=db-1",
        "./inv runbooks.show RB-FAILOVER says when this runbook is the right one",
    ]


def test_where_no_parameter_could_fit_none_is_asked_for(tmp_path: Path) -> None:
    assert refused(tmp_path, named=False).splitlines() == [
        "nothing was changed",
        "./inv runbooks.show RB-FAILOVER says when this runbook is the right one",
    ]
