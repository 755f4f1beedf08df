"""What is proposed works as it is printed, and what makes no sense is not proposed."""

from __future__ import annotations

import pytest

from drillbook.errors import Refused
from drillbook.execution.hints import with_key
from drillbook.ledger.entries import Entry, SignedEntry
from drillbook.tasks.change_apply import require_first
from tests import change_values as values
from tests.gate_values import record

RUN = "20261123T120000Z-00000001"
TEXTS = [
    (f"on: ./inv runbooks.resume {RUN}", "k", f"on: ./inv runbooks.resume {RUN} --key k"),
    ("./inv runbooks.abandon r-1, then plan", "k", "./inv runbooks.abandon r-1 --key k, then plan"),
    ("./inv runbooks.abandon r-1 --lost", "k", "./inv runbooks.abandon r-1 --key k --lost"),
    ("./inv changes.close C-1 writes", "my key; x", "./inv changes.close C-1 --key 'my key; x' writes"),
    ("./inv runbooks.resume r-1 --key k", "k", "./inv runbooks.resume r-1 --key k"),
    ("./inv runbooks.show RB-1 has", "k", "./inv runbooks.show RB-1 has"),
    ("./inv runbooks.resume r-1", "", "./inv runbooks.resume r-1"),
]


@pytest.mark.parametrize(("text", "key", "wanted"), TEXTS)
def test_commands_name_the_key_that_was_named(text: str, key: str, wanted: str) -> None:
    assert with_key(text, key) == wanted


def told(what: str, result: str = "") -> SignedEntry:
    entry = Entry(
        what=what, repository=values.REPOSITORY, run=RUN, change=values.CHANGE, type="normal", environment="rehearsal",
        plan="sha256:" + "5" * 64, head="sha256:" + "6" * 64, count=1, services=(), items=(), executor="dan",
        machine="desk", time="2026-11-23T12:00:00.000000Z", result=result,
    )  # fmt: skip
    return SignedEntry(entry, b"", b"")


def test_a_run_that_ended_is_not_gone_on_with() -> None:
    with pytest.raises(Refused, match="it has not ended") as stopped:
        require_first(record(), [told("opened")], key="k")
    assert f"runbooks.resume {RUN} --key k\n" in stopped.value.remedy
    with pytest.raises(Refused, match="it ended as succeeded") as ended:
        require_first(record(), [told("opened"), told("closed", "succeeded")], key="k")
    assert ended.value.remedy == "to do it again: ./inv changes.new, and have that approved"
    require_first(record(), [], key="k")
