"""What two people state of a host that is off: who may state it, what stands against it, what is written down."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.clock import SystemClock
from drillbook.errors import DrillbookError, FencingNotProved, HostUnreachable, Refused, UsageError
from drillbook.execution.by_hand import LABEL, NAMESPACE, FencedByHand, by_hand_line, stand_in
from drillbook.hosts.connection import Completed
from drillbook.hosts.power import PowerState
from drillbook.journal.record import GENESIS, make_record
from drillbook.ledger.entries import Ledger
from drillbook.plan.model import FenceRun, PowerControl, Target
from drillbook.tasks.by_hand import Asked, fenced_by_hand
from drillbook.tasks.trusting import Trusted
from tests.gate_values import base, signer
from tests.journal_runs import make_key

if TYPE_CHECKING:
    from drillbook.plan.model import Plan

FENCE = FenceRun("db-1", ("db-2", "mon"), (5432, 22))
TARGET = Target("db-1", "10.213.0.11", 22, "root", PowerControl("lab", {}))
WHY = FencingNotProved("power control of db-1 failed: no answer", remedy="switch it off")
FACTS = {"run": "run-1", "plan": "sha256:00", "environment": "production"}


@dataclass
class Power:
    """A power control that says something, or does not answer."""

    says: PowerState | None

    def state(self) -> PowerState:
        if self.says is None:
            raise HostUnreachable("its power control does not answer")
        return self.says


@dataclass
class Witness:
    """A host that looks: its answers one after the other, of which the last stays. None: it cannot look."""

    item: str
    answers: list[str | None]
    is_open: bool = False
    target: Any = field(init=False)

    def __post_init__(self) -> None:
        self.target = replace(TARGET, item=self.item)

    def is_present(self) -> bool:
        return True

    def run(self, _argv: list[str], *, timeout: float) -> Completed:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is None:
            raise HostUnreachable(f"{self.item} does not answer within {timeout}")
        return Completed(0, answer + "looked\n", "", 0.1)


def by_hand(item: str = "db-1") -> FencedByHand:
    return FencedByHand(item, signer("ann"), signer("ben"))


def stated(
    power: PowerState | None, first: list[str | None], second: list[str | None], *, of: FencedByHand | None = None
) -> dict[str, Any]:
    hosts: Any = {"db-2": Witness("db-2", first), "mon": Witness("mon", second)}
    driver: Any = Power(power)
    return stand_in(
        of or by_hand(), FENCE, WHY, target=TARGET, driver=driver, hosts=hosts, clock=SystemClock(), facts=FACTS
    )


SILENT: list[str | None] = [""]
BLIND: list[str | None] = [None]
AGAINST: dict[str, tuple[PowerState | None, list[str | None], list[str | None], str]] = {
    "power says on": (PowerState.ON, SILENT, SILENT, "power control says that db-1 is on"),
    "power says on, nobody looks": (PowerState.ON, BLIND, BLIND, "power control says that db-1 is on"),
    "it answers": (None, SILENT, ["5432\n"], "mon still gets an answer from it on port 5432"),
    "it answers, and power says off": (
        PowerState.OFF,
        ["22\n"],
        SILENT,
        "db-2 still gets an answer from it on port 22",
    ),
    "it answers after they signed": (None, ["", "22\n"], SILENT, "db-2 still gets an answer from it on port 22"),
    "nobody could look": (None, BLIND, BLIND, "no witness could look whether db-1 is silent (db-2, mon)"),
    "power says off, nobody could look": (PowerState.OFF, BLIND, BLIND, "no witness could look"),
}


@pytest.mark.parametrize("name", AGAINST)
def test_what_nobodys_word_stands_against(name: str) -> None:
    power, first, second, words = AGAINST[name]
    with pytest.raises(FencingNotProved) as refused:
        stated(power, list(first), list(second))
    assert words in refused.value.message
    assert WHY.message in refused.value.message


@pytest.mark.parametrize("power", [None, PowerState.UNKNOWN])
@pytest.mark.parametrize("second", [SILENT, BLIND])
def test_what_both_signed_is_written_down(power: PowerState | None, second: list[str | None]) -> None:
    found = stated(power, [""], list(second))
    assert (found["label"], found["not_proved"]) == (LABEL, WHY.message)
    assert found["witnesses"] == {"db-2": [], "mon": [] if second == SILENT else None}
    assert [each["person"] for each in found["by_hand"]] == ["ann", "ben"]
    for each in found["by_hand"]:
        text = json.loads(each["text"])
        assert text["says"] == "db-1 is switched off; I saw it"
        assert (text["person"], text["item"], text["address"]) == (each["person"], "db-1", TARGET.address)
        assert FACTS.items() <= text.items()
        raw, signature, now = each["text"].encode(), each["signature"].encode(), datetime.now(UTC)
        base().signers.verify(raw, signature, namespace=NAMESPACE, person=each["person"], at=now)
    record = make_record(
        seq=0, time="t", mono=0.0, kind="step.ended", prev=GENESIS,
        data={"step": "fence", "outcome": "succeeded", "detail": "", "evidence": found},
    )  # fmt: skip
    assert by_hand_line(record) == f"{LABEL}: it is switched off, say ann and ben; {WHY.message}"


def test_another_host_is_not_meant() -> None:
    with pytest.raises(FencingNotProved) as refused:
        stated(None, [""], [""], of=by_hand("db-2"))
    assert refused.value is WHY


def test_a_key_that_is_gone_signs_nothing(tmp_path: Path) -> None:
    gone = FencedByHand("db-1", signer("ann"), replace(signer("ben"), private=tmp_path / "gone"))
    with pytest.raises(FencingNotProved, match="power control of db-1 failed: no answer; "):
        stated(None, [""], [""], of=gone)


# --- who and when ---------------------------------------------------------------------------------------

STEP: Any = SimpleNamespace(action=FENCE)
PLAN: Plan = SimpleNamespace(runbook="RB-FAILOVER", steps=(STEP,))  # type: ignore[assignment]


def trusted(**limits: Any) -> Trusted:
    return Trusted(Path("/nowhere"), base(**limits), signer("ann"), None, Ledger("", (), ()), ())


def key(person: str) -> str:
    return str(signer(person).private)


@pytest.mark.parametrize("person", ["ben", "cem", "dan", "fay"])
def test_who_can_be_the_second(person: str) -> None:
    made = fenced_by_hand(Asked("db-1", key(person)), PLAN, trusted(), emergency=True)
    assert made is not None
    assert (made.executor.person, made.second.person) == ("ann", person)


def test_nothing_is_asked_for() -> None:
    assert fenced_by_hand(Asked(), PLAN, trusted(), emergency=True) is None
    assert fenced_by_hand(Asked(), PLAN, trusted(), emergency=False) is None


WRONG: dict[str, tuple[Asked, bool, dict[str, Any], type[DrillbookError], str]] = {
    "one person": (Asked("db-1", key("ann")), True, {}, Refused, "cannot be their own second person"),
    "nobody": (Asked("db-1", ""), True, {}, UsageError, "takes two people"),
    "no host": (Asked("", key("ben")), True, {}, UsageError, "takes two people"),
    "not break-glass": (Asked("db-1", key("ben")), False, {}, Refused, "for break-glass alone"),
    "another host": (Asked("db-2", key("ben")), True, {}, UsageError, "does not fence 'db-2'"),
    "an auditor": (Asked("db-1", key("eve")), True, {}, Refused, "eve may neither run nor review break-glass"),
    "no key": (Asked("db-1", "/nowhere/key"), True, {}, DrillbookError, "/nowhere/key"),
    "a key that was revoked": (
        Asked("db-1", key("ben")), True, {"keys": {"ben": {"revoked": "2026-11-01"}}}, Refused, "was revoked",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_who_cannot(name: str) -> None:
    asked, emergency, limits, error, words = WRONG[name]
    with pytest.raises(error, match=words):
        fenced_by_hand(asked, PLAN, trusted(**limits), emergency=emergency)


def test_a_key_of_nobody(tmp_path: Path) -> None:
    stranger = make_key(tmp_path, "eva")
    with pytest.raises(Refused, match="belongs to no person"):
        fenced_by_hand(Asked("db-1", str(stranger.private)), PLAN, trusted(), emergency=True)
