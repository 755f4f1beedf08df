"""Signed runs as they lie on a disk: written by the journal itself, signed by ssh-keygen with keys made for it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json, digest
from drillbook.clock import SystemClock, timestamp
from drillbook.journal.closing import sign_closing
from drillbook.journal.record import read_journal
from drillbook.journal.writer import Journal
from drillbook.ledger.entries import Entry, Ledger, SignedEntry, signed
from drillbook.signing.keys import Signers
from drillbook.signing.sign import Signer

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from drillbook.journal.record import Record

REPOSITORY = "0123456789abcdef0123456789abcdef01234567"
BEGAN = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def make_key(folder: Path, person: str) -> Signer:
    """Make a key for a person, without a passphrase."""
    file = folder / person
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file], check=True)
    return Signer(person, file.with_suffix(".pub").read_text().strip(), file)


def signers_of(*people: Signer) -> Signers:
    return Signers.of({each.person: [each.public_key] for each in people})


class Stepping(SystemClock):
    """A clock that goes on by a known bit whenever it is read."""

    def __init__(self, begin: datetime = BEGAN) -> None:
        object.__setattr__(self, "reading", begin)

    def now(self) -> datetime:
        object.__setattr__(self, "reading", self.reading + timedelta(milliseconds=37))  # type: ignore[attr-defined]
        return self.reading  # type: ignore[attr-defined, no-any-return]

    def monotonic(self) -> float:
        return (self.now() - BEGAN).total_seconds()


@dataclass(frozen=True)
class MadeRun:
    folder: Path
    signer: Signer
    records: list[Record]
    plan: dict[str, Any]

    def entry(self, what: str) -> Entry:
        """What the ledger has of it."""
        first, last = self.records[0], self.records[-1]
        at, count = (first, 1) if what == "opened" else (last, len(self.records))
        return Entry(
            what=what, repository=REPOSITORY, run=self.folder.name, change=first.data["change_id"], type="normal",
            environment="rehearsal", plan=first.data["plan"], head=at.hash, count=count, services=("billing",),
            items=("db-1", "db-2"), executor=self.signer.person, machine="elsewhere", time=at.time,
            result="succeeded" if what == "closed" else "",
        )  # fmt: skip


def make_run(runs: Path, number: int, signer: Signer, *, steps: int, chance: random.Random, **fields: Any) -> MadeRun:
    """Write a run of a change with ``steps`` steps, and sign its end."""
    clock = Stepping(BEGAN + timedelta(hours=number))
    plan = {"runbook": "RB-DB-SWITCHOVER", "environment": "rehearsal", "number": number, "steps": steps}
    folder = runs / f"{timestamp(BEGAN + timedelta(hours=number))[:19].replace('-', '').replace(':', '')}Z-{number:08x}"
    folder.mkdir(parents=True)
    (folder / "plan.json").write_bytes(canonical_json(plan))
    journal = Journal.create(folder / "journal.jsonl", clock)
    opened = {
        "run": folder.name, "plan": digest(plan), "runbook": "RB-DB-SWITCHOVER", "kind": "switchover",
        "protection": "my-pair", "environment": "rehearsal", "parameters": {"pair": "my-pair"}, "change": "normal",
        "change_id": f"CHG-2026-{number + 1:04}", "executor": signer.person, "repository": REPOSITORY,
        "base": "c" * 40, "reason": "", "purpose": "by hand", "operator": f"{signer.person}@desk-1",
        "process": 4000 + number, "engine": "1.0.0",
    }  # fmt: skip
    journal.append("run.opened", **{**opened, **fields})
    journal.append("ledger.entered", commit="d" * 40)
    for item in ("db-1", "db-2"):
        journal.append("lock.taken", item=item, token=chance.randrange(1, 900))
    journal.append("assumption.checked", text="db-1 is primary", item="db-1", held=True, known=True, detail="主库")
    journal.append("assumptions.held")
    for step in range(steps):
        name = f"step-{step}"
        journal.append("step.started", step=name, attempt=1, key=name, item="db-1", action="run")
        evidence = {"ended": "succeeded", "exit_code": 0, "stdout": f"提升 {chance.random()}"}
        journal.append(
            "step.ended", step=name, attempt=1, outcome="succeeded", detail="", seconds=round(chance.random(), 4),
            recovered=False, evidence=evidence,
        )  # fmt: skip
        journal.append("verify.held", step=name, check="is_primary", item="db-2", seconds=round(chance.random(), 4))
        journal.append("step.done", step=name)
    journal.append("run.closed", outcome="succeeded", message="")
    journal.close()
    records = read_journal(folder / "journal.jsonl")
    sign_closing(folder, records, signer)
    return MadeRun(folder, signer, records, plan)


def ledger_of(*runs: MadeRun) -> Ledger:
    """The ledger in which all these runs were entered, opened and closed, with real signatures."""
    entries: list[SignedEntry] = [signed(run.entry(what), run.signer) for run in runs for what in ("opened", "closed")]
    return Ledger("e" * 40, tuple(entries), ())
