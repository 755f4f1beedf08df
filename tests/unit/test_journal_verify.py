"""What was done to the journals of runs is found, with the reason; what was not touched is left in peace."""

from __future__ import annotations

import random
import re
import shutil
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.canonical import canonical_json
from drillbook.change.records.record import Changes
from drillbook.errors import JournalError, Refused
from drillbook.hosts.anchors import Anchor, HostsTold, parse_anchors
from drillbook.journal.closing import closing_of, is_as_written, sign_closing
from drillbook.journal.compare import against_changes, against_hosts, against_ledger
from drillbook.journal.record import GENESIS, make_record, read_journal
from drillbook.journal.verify import Standing, Verified, verify_run
from drillbook.journal.writer import Journal
from drillbook.ledger.entries import LOST, NAMESPACE, Ledger, machine_of, signed
from drillbook.signing.keys import Signers, SigningKey
from tests.journal_runs import BEGAN, REPOSITORY, MadeRun, Stepping, ledger_of, make_key, make_run, signers_of

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.journal.record import Record
    from drillbook.signing.sign import Signer


@pytest.fixture
def ada(tmp_path: Path) -> Signer:
    return make_key(tmp_path, "ada")


@pytest.fixture
def ben(tmp_path: Path) -> Signer:
    return make_key(tmp_path, "ben")


@pytest.fixture
def run(tmp_path: Path, ada: Signer) -> MadeRun:
    return make_run(tmp_path / "runs", 0, ada, steps=2, chance=random.Random(1))


def look(run: MadeRun | Path, *people: Signer | Signers, repository: str = REPOSITORY) -> Verified:
    folder = run.folder if isinstance(run, MadeRun) else run
    keys = people[0] if isinstance(people[0], Signers) else signers_of(*people)  # type: ignore[arg-type]
    return verify_run(folder, keys=keys, repository=repository)


def written_anew(records: list[Record], **changes: Any) -> bytes:
    """The records with all hashes right again, the first with other data."""
    prev, lines = GENESIS, []
    for seq, each in enumerate(records):
        data = {**each.data, **changes} if seq == 0 else each.data
        made = make_record(seq=seq, time=each.time, mono=each.mono, kind=each.kind, data=data, prev=prev)
        lines.append(made.line())
        prev = made.hash
    return b"".join(lines)


# --- one run ---------------------------------------------------------------------------------------------------------


def test_a_signed_run_is_signed(run: MadeRun, ada: Signer, ben: Signer) -> None:
    found = look(run, ada, ben)
    assert (found.standing, found.signer, found.flaws) == (Standing.SIGNED, "ada", ())
    assert found.head == run.records[-1].hash


def test_a_run_is_signed_once_and_only_by_who_ran_it(run: MadeRun, ben: Signer, ada: Signer) -> None:
    assert not sign_closing(run.folder, run.records, ada)
    (run.folder / "journal.sig").unlink()
    with pytest.raises(Refused, match="that is ada, not ben"):
        sign_closing(run.folder, run.records, ben)
    assert look(run, ada).standing is Standing.NOT_SIGNED_YET
    assert "runbooks.resume" in look(run, ada).flaws[0]
    assert sign_closing(run.folder, run.records, ada)
    assert look(run, ada).standing is Standing.SIGNED


def test_a_run_that_has_not_ended_is_open_and_not_signed(run: MadeRun, ada: Signer) -> None:
    (run.folder / "journal.sig").unlink()
    lines = (run.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)
    (run.folder / "journal.jsonl").write_bytes(b"".join(lines[:-2]) + lines[-2][:10])
    found = look(run, ada)
    assert (found.standing, found.flaws) == (Standing.OPEN, ())
    with pytest.raises(JournalError, match="has not"):
        sign_closing(run.folder, read_journal(run.folder / "journal.jsonl"), ada)


def test_who_resumed_it_may_sign_it(tmp_path: Path, run: MadeRun, ada: Signer, ben: Signer) -> None:
    (run.folder / "journal.sig").unlink()
    path = run.folder / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    journal, _ = Journal.reopen(path, Stepping())
    journal.append("run.resumed", operator="ben@desk-2", executor="ben", process=1)
    journal.append("run.closed", outcome="succeeded", message="")
    journal.close()
    sign_closing(run.folder, read_journal(path), ben)
    assert look(run, ada, ben).signer == "ben"


def test_a_run_of_a_lab_where_nobody_signs_is_not_signed_and_not_wrong(tmp_path: Path, ada: Signer) -> None:
    fields = {"executor": "", "repository": "", "change_id": "", "change": "standard"}
    runs = tmp_path / "runs"
    with pytest.raises(Refused, match="nobody who is named in it"):
        make_run(runs, 1, ada, steps=1, chance=random.Random(1), **fields)
    folder = next(runs.iterdir())
    found = verify_run(folder, keys=None, repository="")
    assert (found.standing, found.flaws) == (Standing.UNSIGNED, ())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda run: {"journal.jsonl": b""}, "no record"),
        (lambda run: {"journal.jsonl": None}, "cannot be read"),
        (lambda run: {"journal.jsonl": written_anew(run.records, reason="another")}, "do not fit|does not fit"),
        (lambda run: {"journal.jsonl": written_anew(run.records[:-1])}, "its end is not there"),
        (lambda run: {"journal.jsonl": written_anew(run.records[1:])}, "does not begin with the opening"),
        (lambda run: {"journal.jsonl": written_anew([*run.records, run.records[0]])}, "opening of a second run"),
        (lambda run: {"journal.jsonl": written_anew(run.records, run="another")}, "journal of another run: another"),
        (lambda run: {"journal.jsonl": written_anew(run.records, executor="")}, "names nobody who ran it"),
        (lambda run: {"journal.jsonl": written_anew(run.records, repository="f" * 40)}, "of another repository"),
        (lambda run: {"journal.jsonl": written_anew(run.records) + b"{"}, "added after the journal's last record"),
        (lambda run: {"journal.sig": b"x"}, "signature is not as it was written"),
        (lambda run: {"plan.json": None}, "plan is gone"),
        (lambda run: {"plan.json": b"{"}, "plan cannot be read"),
        (lambda run: {"plan.json": canonical_json({**run.plan, "number": 7})}, "not the one that it was opened with"),
        (lambda run: {"plan.json": canonical_json(run.plan) + b"\n"}, "plan.json is not as it was written"),
    ],
)  # fmt: skip
def test_what_was_changed_is_said(run: MadeRun, ada: Signer, change: Any, says: str) -> None:
    for name, data in change(run).items():
        if data is None:
            (run.folder / name).unlink()
        else:
            (run.folder / name).write_bytes(data)
    found = look(run, ada)
    assert found.standing is Standing.BROKEN
    assert any(re.search(says, flaw) for flaw in found.flaws), found.flaws


def test_the_key_must_be_the_executors_and_have_counted_then(run: MadeRun, ada: Signer, ben: Signer) -> None:
    day = BEGAN.date()
    key = " ".join(ada.public_key.split()[:2])
    for keys, says in (
        (signers_of(ben), "does not know"),
        (Signers([SigningKey("ben", key)]), "key of ben"),
        (Signers([SigningKey("ada", key, revoked=day)]), "was revoked"),
        (Signers([SigningKey("ada", key, ends=date(2026, 11, 1))]), "ended on"),
        (Signers([SigningKey("ada", key, begins=date(2026, 12, 1))]), "counts only from"),
    ):
        found = look(run, keys)
        assert found.standing is Standing.BROKEN
        assert says in found.flaws[0], found.flaws
    assert look(run, Signers([SigningKey("ada", key, revoked=date(2026, 11, 23))])).flaws == ()
    unpinned = look(run, signers_of(ada), repository="")
    assert (unpinned.standing, unpinned.signer, unpinned.flaws) == (Standing.NOT_PROVED, "", ())


def test_a_signature_for_another_purpose_is_none(run: MadeRun, ada: Signer) -> None:
    wrong = ada.sign(closing_of(run.records).to_bytes(), namespace="drillbook-approval")
    (run.folder / "journal.sig").write_bytes(wrong)
    assert "was made for drillbook-approval" in look(run, ada).flaws[0]


@pytest.mark.parametrize("change", [
    lambda sig: sig + b"\n", lambda sig: sig.replace(b"\n", b"\r\n"), lambda sig: b"\n" + sig,
    lambda sig: sig[:60] + b"\n" + sig[60:], lambda sig: sig.replace(b"=", b""), lambda sig: b"",
])  # fmt: skip
def test_a_signature_in_another_form_is_not_as_it_was_written(run: MadeRun, ada: Signer, change: Any) -> None:
    signature = (run.folder / "journal.sig").read_bytes()
    assert is_as_written(signature)
    if change(signature) != signature:
        assert not is_as_written(change(signature))


def test_a_run_with_its_change_needs_no_plan_of_its_own(tmp_path: Path, run: MadeRun, ada: Signer) -> None:
    change = tmp_path / "changes/CHG-2026-0001"
    shutil.copytree(run.folder, change / "runs" / run.folder.name)
    (change / "runs" / run.folder.name / "plan.json").unlink()
    (change / "plan.json").write_bytes(canonical_json({"plan": run.plan, "other": 1}))
    found = look(change / "runs" / run.folder.name, ada)
    assert found.flaws == ()
    assert against_changes([found], Changes((), ()))[0].flaws == ()
    other = tmp_path / "changes/CHG-2026-0002"
    shutil.copytree(change, other)
    moved = look(other / "runs" / run.folder.name, ada)
    assert (
        "lies with CHG-2026-0002 and was run for CHG-2026-0001" in against_changes([moved], Changes((), ()))[0].flaws[0]
    )


# --- against the ledger ----------------------------------------------------------------------------------------------


def held(run: Verified | list[Verified], ledger: Ledger, *people: Signer, closed: set[str] = frozenset()) -> Any:  # type: ignore[assignment]
    runs = run if isinstance(run, list) else [run]
    keys = signers_of(*people)
    return against_ledger(runs, ledger, keys=keys, closed_changes=closed, folder=runs[0].folder.parent)


def test_a_run_that_the_ledger_knows_just_so_is_sound(run: MadeRun, ada: Signer) -> None:
    runs, flaws = held(look(run, ada), ledger_of(run), ada)
    assert [each.flaws for each in runs] == [()]
    assert flaws == []


def test_who_signs_a_journal_written_anew_is_found_by_the_ledger(run: MadeRun, ada: Signer) -> None:
    """The executor has the key: nothing here shows it, what was anchored does."""
    ledger = ledger_of(run)
    (run.folder / "journal.jsonl").write_bytes(written_anew([*run.records[:-2], run.records[-1]]))
    (run.folder / "journal.sig").unlink()
    sign_closing(run.folder, read_journal(run.folder / "journal.jsonl"), ada)
    found = look(run, ada)
    assert found.flaws == ()
    assert "does not end as the ledger says" in held(found, ledger, ada)[0][0].flaws[0]
    (run.folder / "journal.jsonl").write_bytes(written_anew(run.records, reason="x"))
    (run.folder / "journal.sig").unlink()
    sign_closing(run.folder, read_journal(run.folder / "journal.jsonl"), ada)
    assert "does not begin as the ledger says" in held(look(run, ada), ledger, ada)[0][0].flaws[0]


def test_a_missing_run_is_told_where_it_must_be(run: MadeRun, ada: Signer, tmp_path: Path) -> None:
    other = make_run(tmp_path / "runs", 5, ada, steps=1, chance=random.Random(2))
    ledger = ledger_of(run, other)
    runs, _ = held(look(run, ada), ledger, ada)
    assert [each.run for each in runs] == [run.folder.name]  # it may be on the other machine
    runs, _ = held(look(run, ada), ledger, ada, closed={"CHG-2026-0006"})
    assert "missing" in runs[1].flaws[0]
    beside = replace(other.entry("opened"), machine=machine_of(tmp_path / "another/checkout"))
    runs, _ = held(look(run, ada), Ledger("e" * 40, (signed(beside, ada),), ()), ada)
    assert [each.run for each in runs] == [run.folder.name]  # of another checkout of this machine
    here = replace(other.entry("opened"), machine=machine_of(run.folder.parent.parent.parent))
    runs, _ = held(look(run, ada), Ledger("e" * 40, (signed(here, ada),), ()), ada)
    assert "missing" in runs[1].flaws[0]
    lost = replace(other.entry("closed"), result=LOST)
    runs, _ = held(look(run, ada), Ledger("e" * 40, (signed(here, ada), signed(lost, ada)), ()), ada)
    assert [each.run for each in runs] == [run.folder.name]


def test_what_the_remote_does_not_know_yet_is_a_note(run: MadeRun, ada: Signer) -> None:
    opened = Ledger("e" * 40, (signed(run.entry("opened"), ada),), ())
    runs, _ = held(look(run, ada), opened, ada)
    assert runs[0].flaws == ()
    assert "does not know yet that it ended" in runs[0].notes[0]


def test_a_run_that_was_taken_out_of_the_ledger_is_told(run: MadeRun, ada: Signer) -> None:
    runs, _ = held(look(run, ada), Ledger("", (), ()), ada)
    assert "the ledger does not have it" in runs[0].flaws[0]


def test_an_entry_that_somebody_else_signed_is_told(run: MadeRun, ada: Signer, ben: Signer) -> None:
    forged = replace(ledger_of(run).entries[0], signature=ben.sign(b"x", namespace=NAMESPACE))
    _, flaws = held(look(run, ada), Ledger("e" * 40, (forged,), ()), ada, ben)
    assert "was made with the key of ben" in flaws[0]


# --- against hosts ---------------------------------------------------------------------------------------------------


def told(*anchors: Anchor) -> HostsTold:
    return HostsTold(anchors, {}, {})


def anchor(of: MadeRun, event: str, head: str, **changes: Any) -> Anchor:
    return replace(Anchor("db-1", "2026-11-22T09:00:00Z", event, of.folder.name, head, "normal", "ada"), **changes)


def test_hosts_know_the_heads_of_a_run(run: MadeRun, ada: Signer) -> None:
    seen = told(anchor(run, "lock", run.records[0].hash), anchor(run, "unlock", run.records[-1].hash))
    runs, missing = against_hosts([look(run, ada)], seen, known=())
    assert (runs[0].flaws, missing) == ((), [])
    (run.folder / "journal.sig").unlink()
    (run.folder / "journal.jsonl").write_bytes(written_anew(run.records, reason="x"))
    sign_closing(run.folder, read_journal(run.folder / "journal.jsonl"), ada)
    runs, _ = against_hosts([look(run, ada)], seen, known=())
    assert [flaw.partition(" with")[0] for flaw in runs[0].flaws] == ["db-1 saw it", "db-1 saw it"]


def test_hosts_tell_of_runs_that_nobody_has(run: MadeRun, ada: Signer) -> None:
    secret = anchor(run, "lock", run.records[0].hash, run="run-2", change_type="emergency")
    of_a_lab = anchor(run, "lock", run.records[0].hash, run="run-3", change_type="standard", executor="root@desk-1")
    _, missing = against_hosts([look(run, ada)], told(secret, of_a_lab), known=())
    assert len(missing) == 1
    assert "db-1 was held by run run-2 (emergency, ada" in missing[0]
    assert against_hosts([look(run, ada)], told(secret), known=("run-2",))[1] == []


def test_lines_of_hosts_are_read_strictly() -> None:
    good = "2026-11-22T09:00:00Z lock run-1 sha256:ab normal ada"
    hostile = f"{good} more\n\x1b[2J\n2026 lock\n"
    anchors, others = parse_anchors("db-1", f"{good}\n{hostile}")
    assert [each.run for each in anchors] == ["run-1"]
    assert len(others) == 3
    assert all("\x1b" not in line for line in others)
