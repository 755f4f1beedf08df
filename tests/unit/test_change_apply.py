"""A change is applied once; what is proposed then makes sense."""

from __future__ import annotations

import pytest

from drillbook.errors import Refused
from drillbook.ledger.entries import Entry, SignedEntry
from drillbook.tasks.change_apply import require_first
from tests import change_values as values
from tests.gate_values import record

RUN = "20261123T120000Z-00000001"


def told(what: str, result: str = "") -> SignedEntry:
    entry = Entry(
        what=what, repository=values.REPOSITORY, run=RUN, change=values.CHANGE, type="normal", environment="rehearsal",
        plan="sha256:" + "5" * 64, head="sha256:" + "6" * 64, count=1, services=(), items=(), executor="dan",
        machine="desk", time="2026-11-23T12:00:00.000000Z", result=result,
    )  # fmt: skip
    return SignedEntry(entry, b"", b"")


def test_a_run_that_ended_is_not_gone_on_with() -> None:
    with pytest.raises(Refused, match="it has not ended") as stopped:
        require_first(record(), [told("opened")])
    assert f"runbooks.resume {RUN}\n" in stopped.value.remedy
    with pytest.raises(Refused, match="it ended as succeeded") as ended:
        require_first(record(), [told("opened"), told("closed", "succeeded")])
    assert ended.value.remedy == "to do it again: ./inv changes.new, and have that approved"
    require_first(record(), [])
