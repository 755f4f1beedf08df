"""Where a change stands, and that it never goes backwards; the risk; files that appear whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.change.gate.risk import Risk, require_no_less, risk_of_configuration, risk_of_plan
from drillbook.change.records.lifecycle import (
    RunSeen,
    State,
    require_approvable,
    require_closable,
    require_plannable,
    state_of,
)
from drillbook.change.records.record import read_change, record_from_files
from drillbook.change.records.strict import encoded
from drillbook.change.records.write import add, create
from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.errors import MissingPrerequisite, Refused
from drillbook.plan.model import Command, PlannedUndo
from tests.change_values import CHANGE, approval, bound, change_files, plan, request, result, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from drillbook.change.records.model import ChangeRecord

OPEN, ENDED = RunSeen("20261123T200000Z-00000000", None), RunSeen("20261123T200000Z-00000000", "failed")


def record(*, planned: bool = True, **parts: Any) -> ChangeRecord:
    files = change_files(**parts)
    if not planned:
        del files["plan.json"], files["plan.md"]
    return record_from_files(files, folder=Path(CHANGE))


def emergency(**parts: Any) -> ChangeRecord:
    found = record(**parts)
    return replace(found, request=replace(found.request, type="emergency"))


@pytest.mark.parametrize(
    ("of", "approved", "reviewed", "runs", "wanted"),
    [
        (record(planned=False), False, False, [], State.REQUESTED),
        (record(), False, False, [], State.PLANNED),
        (record(), True, False, [], State.APPROVED),
        (record(), True, False, [OPEN], State.RUNNING),
        (record(), True, False, [ENDED, OPEN], State.RUNNING),
        (record(), True, False, [ENDED], State.ENDED),
        (record(), False, False, [ENDED], State.ENDED),  # an approval that expired takes nothing back
        (record(result=result()), True, False, [ENDED], State.CLOSED),
        (record(result=result()), False, False, [OPEN], State.CLOSED),
        (emergency(), False, False, [], State.DEBT),
        (emergency(), False, False, [OPEN], State.RUNNING),
        (emergency(), False, False, [ENDED], State.DEBT),
        (emergency(), False, True, [ENDED], State.REVIEWED),
        (emergency(result=result()), False, True, [ENDED], State.CLOSED),
        (emergency(result=result()), False, False, [ENDED], State.DEBT),  # whoever ran it put a result there
    ],
)
def test_the_state_follows_from_the_files_and_runs(
    *, of: ChangeRecord, approved: bool, reviewed: bool, runs: list[RunSeen], wanted: State
) -> None:
    assert state_of(of, approved=approved, reviewed=reviewed, runs=runs) is wanted


CLOSED = record(result=result())
APPROVED = record(approvals=[approval("ben")])


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (lambda: require_plannable(CLOSED, []), "closed is final"),
        (lambda: require_plannable(APPROVED, []), "has been approved by ben"),
        (lambda: require_plannable(record(), [OPEN]), "has been run"),
        (lambda: require_plannable(emergency(), []), "its plan is what ran"),
        (lambda: require_approvable(CLOSED, review=False), "closed is final"),
        (lambda: require_approvable(record(planned=False), review=False), "is not planned yet"),
        (lambda: require_approvable(emergency(), review=False), "it ran already, and is reviewed"),
        (lambda: require_approvable(record(), review=True), "it is approved, not reviewed"),
        (lambda: require_closable(CLOSED, State.CLOSED), "closed is final"),
        (lambda: require_closable(record(), State.RUNNING), "has a run that has not ended"),
        (lambda: require_closable(emergency(), State.DEBT), "nobody has reviewed it"),
    ],
)
def test_it_never_goes_backwards(back: Callable[[], None], said: str) -> None:
    with pytest.raises(Refused, match=said) as caught:
        back()
    assert caught.value.remedy


def test_what_may_be_done_is_not_refused() -> None:
    require_plannable(record(), [])
    require_approvable(record(), review=False)
    require_approvable(emergency(), review=True)
    require_approvable(emergency(result=result()), review=True)
    for state in (State.PLANNED, State.ENDED, State.REVIEWED):
        require_closable(record(), state)


def cmdb(*tiers: int) -> Cmdb:
    services = {
        f"service-{number}": Entry("services", f"service-{number}", {"tier": tier}, "x", 1)
        for number, tier in enumerate(tiers)
    }
    sections = {name: Section(name, services if name == "services" else {}) for name in SECTIONS}
    return Cmdb(organisation="X", digest="sha256:x", **sections)


UNDOABLE = step(undo=PlannedUndo(Command(("true",), "", "root"), None))


@pytest.mark.parametrize(
    ("tiers", "final", "risk", "why"),
    [
        ((1, 2), True, "high", "it can interrupt 1 service of tier 1, promote cannot be undone"),
        ((1, 1), False, "medium", "it can interrupt 2 services of tier 1, every step can be undone"),
        ((3,), True, "medium", "it can interrupt 1 service of tier 3, promote cannot be undone"),
        ((2,), False, "medium", "it can interrupt 1 service of tier 2, every step can be undone"),
        ((3, 3), False, "low", "it can interrupt 2 services of tier 3, every step can be undone"),
        ((), False, "low", "it can interrupt no service, every step can be undone"),
        ((), True, "medium", "it can interrupt no service, promote cannot be undone"),
    ],
)
def test_the_risk_and_why(*, tiers: tuple[int, ...], final: bool, risk: str, why: str) -> None:
    of = plan(step() if final else UNDOABLE, services=tuple(f"service-{n}" for n in range(len(tiers))))
    assert risk_of_plan(of, cmdb(*tiers)) == (risk, why)


def test_the_risk_of_a_configuration() -> None:
    assert risk_of_configuration(1, 3) == ("medium", "3 files, for which a rule wants 1 approval")
    assert risk_of_configuration(2, 1) == ("high", "1 file, for which a rule wants 2 approvals")


def test_an_id_is_used_once(tmp_path: Path) -> None:
    files = {"request.json": encoded(request()), "request.sig": b"s"}
    create(tmp_path, CHANGE, files)
    with pytest.raises(Refused, match="an id is used once"):
        create(tmp_path, CHANGE, {**files, "request.json": b"other"})
    assert (tmp_path / "changes" / CHANGE / "request.json").read_bytes() == files["request.json"]
    assert [path.name for path in (tmp_path / "changes").iterdir()] == [CHANGE]


def test_nothing_is_written_over(tmp_path: Path) -> None:
    files = {"request.json": encoded(request()), "request.sig": b"s"}
    create(tmp_path, CHANGE, files)
    add(tmp_path, CHANGE, {"approvals/ben.sig": b"1", "approvals/ben.json": b"1"})
    with pytest.raises(Refused, match="is there already"):
        add(tmp_path, CHANGE, {"approvals/ben.sig": b"2", "approvals/ben.json": b"2"})
    assert (tmp_path / f"changes/{CHANGE}/approvals/ben.sig").read_bytes() == b"1"
    add(tmp_path, CHANGE, {"plan.md": b"1", "plan.json": b"1"}, instead=True)
    add(tmp_path, CHANGE, {"plan.md": b"2", "plan.json": b"2"}, instead=True)
    assert (tmp_path / f"changes/{CHANGE}/plan.json").read_bytes() == b"2"


def test_a_signature_without_its_file_counts_for_nothing(tmp_path: Path) -> None:
    """The signature is written first: a process that is killed between the two leaves no approval."""
    files = change_files()
    files["approvals/ben.sig"] = b"s"
    assert record_from_files(files, folder=Path(CHANGE)).approvals == ()
    files["approvals/ben.json"] = encoded(approval("ben", of=bound()))
    assert len(record_from_files(files, folder=Path(CHANGE)).approvals) == 1


def test_a_folder_that_cannot_be_written_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "changes").write_text("a file where the folder should be")
    with pytest.raises(MissingPrerequisite, match="cannot be written"):
        create(tmp_path, CHANGE, {"request.json": b"1"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changes"]


def test_what_an_interrupted_write_leaves_is_not_read(tmp_path: Path) -> None:
    create(tmp_path, CHANGE, change_files())
    (tmp_path / f"changes/.{CHANGE}.12.new").mkdir()
    from drillbook.change.records.record import read_changes

    assert read_changes(tmp_path).broken == ()
    assert read_change(tmp_path / "changes" / CHANGE).id == CHANGE


@pytest.mark.parametrize(("said", "risk"), [("low", "medium"), ("low", "high"), ("medium", "high")])
def test_nobody_says_a_lower_risk_than_it_is(said: str, risk: Risk) -> None:
    with pytest.raises(Refused, match=f"its risk is {said}, and it is {risk}: because"):
        require_no_less(said, risk, "because")
    require_no_less(risk, risk, "because")
    require_no_less("high", risk, "because")
