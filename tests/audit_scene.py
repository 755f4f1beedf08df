"""An estate where much has happened: changes of all types, with real keys, journals and a remote. For the log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from drillbook.canonical import canonical_json, digest_bytes
from drillbook.change.records.model import time_text
from drillbook.change.records.reading import read_request
from drillbook.change.records.strict import encoded
from drillbook.change.trust.bound import bind_configuration, bind_runbook
from drillbook.change.trust.engine import running_engine_digest
from drillbook.clock import run_id, timestamp
from drillbook.journal.closing import sign_closing
from drillbook.journal.record import read_journal
from drillbook.journal.writer import Journal
from drillbook.ledger.claims import close_run, open_run
from drillbook.ledger.entries import Entry, signed
from drillbook.ledger.remote import Remote
from drillbook.plan.model import PowerControl, Target
from drillbook.runbook.model import Text
from tests.change_estate import SignedEstate, signed_estate
from tests.change_values import SEALED, plan
from tests.ledger_help import bare
from tests.repo_values import commit, git

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.journal.record import Record
    from drillbook.plan.model import Plan

ITEMS = ("core-db-1", "core-db-2")
SERVICE = "core-business"


class At:
    """A clock that is told the time, and goes on by seconds."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)

    def token(self) -> str:
        return digest_bytes(str(self.moment).encode())[7:15]


@dataclass
class Scene:
    """The estate, the remote's folder, and the moment that is now."""

    estate: SignedEstate
    server: Path
    now: datetime

    @property
    def root(self) -> Path:
        return self.estate.root

    def ago(self, **how: float) -> datetime:
        return self.now - timedelta(**how)

    def plan(self, environment: str = "rehearsal", **fields: Any) -> Plan:
        items = {name: Target(name, "10.213.0.11", 22, "root", PowerControl("lab", {})) for name in ITEMS}
        values = {
            "runbook": "RB-DB-SWITCHOVER",
            "title": Text("Switch a database pair over, planned", "数据库双机计划内切换"),
            "parameters": {"pair": "core-db"}, "protection": "core-db", "targets": items, "services": (SERVICE,),
            "roles": {"primary": ITEMS[0], "standby": ITEMS[1]},
        }  # fmt: skip
        return plan(environment=environment, **{**values, **fields})

    def change(
        self,
        number: int,
        *,
        by: str,
        at: datetime,
        approved_by: tuple[str, ...] = (),
        type_: str = "normal",
        reason: str = "The monthly switchover",
        move: tuple[str, str] | None = None,
        approval: dict[str, Any] | None = None,
        review: dict[str, Any] | None = None,
        plan: Plan | None = None,
        parameters: dict[str, str] | None = None,
    ) -> str:
        """Write a signed change into changes/; give its id. ``move``: of the configuration between two commits."""
        id_ = f"CHG-2026-{number:04}"
        repository = self.estate.base.repository
        subject = {
            "kind": "runbook", "runbook": "RB-DB-SWITCHOVER", "environment": "rehearsal",
            "parameters": {"pair": "core-db", **(parameters or {})},
        }  # fmt: skip
        asked = encoded({
            "format": 1, "change": id_, "repository": repository, "type": type_, "risk": "medium", "reason": reason,
            "window": None, "subject": {"kind": "configuration"} if move else subject, "requested_by": by,
            "requested_at": time_text(at),
        })  # fmt: skip
        request = read_request(asked)
        engine = running_engine_digest()
        bound = (
            bind_configuration(request, self.estate.repo, *move, engine)
            if move
            else bind_runbook(request, plan or self.plan(), engine, SEALED)
        )
        files = {
            "request.json": asked,
            "request.sig": self.sign(by, asked, "drillbook-request"),
            "plan.json": bound,
            "plan.md": b"# Plan\n",
        }
        for person in approved_by:
            data = encoded({
                "format": 1, "what": "approval", "repository": repository, "change": id_, "digest": digest_bytes(bound),
                "environment": "" if move else "rehearsal", "approver": person, "approved_at": time_text(at),
                "expires": time_text(at + timedelta(days=3)), **(approval or {}), **(review or {}),
            })  # fmt: skip
            files |= {
                f"approvals/{person}.json": data,
                f"approvals/{person}.sig": self.sign(person, data, "drillbook-approval"),
            }
        for path, data in files.items():
            place = self.root / "changes" / id_ / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        return id_

    def sign(self, person: str, data: bytes, namespace: str) -> bytes:
        return self.estate.signer(person).sign(data, namespace=namespace)

    def run(
        self,
        at: datetime,
        *,
        change: str = "",
        type_: str = "standard",
        by: str = "",
        environment: str = "lab",
        outcome: str | None = "succeeded",
        ledger: Remote | None = None,
        minutes: float = 1.5,
        plan: Plan | None = None,
    ) -> str:
        """Write a run into .drillbook; signed by ``by``, and entered in the ledger, when these are given."""
        clock = At(at)
        made = plan or self.plan(environment)
        folder = self.root / ".drillbook/runs" / run_id(clock)
        folder.mkdir(parents=True)
        (folder / "plan.json").write_bytes(canonical_json(made.to_json()))
        journal = Journal.create(folder / "journal.jsonl", clock)
        journal.append(
            "run.opened", run=folder.name, plan=made.digest, runbook=made.runbook, kind="switchover",
            protection=made.protection, environment=environment, parameters=dict(made.parameters), change=type_,
            change_id=change, executor=by, repository=self.estate.base.repository if by else "", base="", reason="",
            purpose="by hand", operator="ann@desk-1", process=7, engine="0.4.0",
        )  # fmt: skip
        if ledger is not None:
            entry = self.entry(
                folder.name,
                read_journal(folder / "journal.jsonl"),
                change=change,
                type_=type_,
                environment=environment,
                by=by,
            )
            open_run(ledger, signed(entry, self.estate.signer(by)), locks=ITEMS, claim=True)
            journal.append("ledger.entered", commit="d" * 40)
        clock.sleep(60 * minutes)
        if outcome is not None:
            journal.append("run.closed", outcome=outcome, message="")
        journal.close()
        records = read_journal(folder / "journal.jsonl")
        if by and outcome is not None:
            sign_closing(folder, records, self.estate.signer(by))
        if ledger is not None and outcome is not None:
            entry = self.entry(
                folder.name, records, change=change, type_=type_, environment=environment, by=by, result=outcome
            )
            close_run(ledger, signed(entry, self.estate.signer(by)))
        return folder.name

    def entry(
        self, run: str, records: list[Record], *, change: str, type_: str, environment: str, by: str, result: str = ""
    ) -> Entry:
        return Entry(
            what="closed" if result else "opened", repository=self.estate.base.repository, run=run, change=change,
            type=type_, environment=environment, plan=records[0].data["plan"], head=records[-1].hash,
            count=len(records), services=(SERVICE,), items=ITEMS, executor=by, machine="desk-2",
            time=timestamp(datetime.fromisoformat(records[-1].time)), reason="", result=result,
        )  # fmt: skip

    @property
    def remote(self) -> Remote:
        return Remote(self.root, str(self.server))

    def configure(self, number: int, *, by: str, approved_by: tuple[str, ...], old: str, new: str, reason: str) -> str:
        """Change a value of the CMDB by an approved change that is merged; give the commit."""
        path = self.root / "cmdb.d/core.yaml"
        before = self.estate.repo.head()
        path.write_text(path.read_text().replace(old, new, 1))
        when = self.ago(minutes=4)
        after = commit(self.root, {}, "proposal", when=when.isoformat())
        git(self.root, "reset", "-q", "--soft", before)
        id_ = self.change(
            number, by=by, at=self.ago(minutes=6), approved_by=approved_by, move=(before, after), reason=reason
        )
        made = commit(self.root, {}, f"{id_}: {reason}", when=when.isoformat())
        git(self.root, "gc", "-q")
        return made


def new_scene(folder: Path) -> Scene:
    """Make the estate with nothing done yet. XDG_CONFIG_HOME must be the test's own."""
    estate = signed_estate(folder)
    server = bare(folder / "server.git")
    estate.pin(remote=str(server))
    return Scene(estate, server, datetime.now(UTC))


def full_scene(folder: Path) -> Scene:
    """Make an estate where everything has happened that the log tells of."""
    scene = new_scene(folder)
    remote = scene.remote
    for hours in range(1, 30):
        scene.run(scene.ago(hours=6 * hours), outcome="abandoned" if hours % 9 == 0 else "succeeded")
    # As it should be.
    good = scene.change(1, by="wang-jing", at=scene.ago(minutes=9), approved_by=("lin-mei",))
    scene.run(scene.ago(minutes=8), change=good, type_="normal", by="zhang-tao", environment="rehearsal", ledger=remote)
    # An approval that is for something else, and one that counts.
    odd = scene.change(2, by="gao-fei", at=scene.ago(minutes=9), approved_by=("chen-wei", "zhang-tao"))
    place = scene.root / "changes" / odd / "approvals/zhang-tao.json"
    value = json.loads(place.read_bytes())
    place.write_bytes(encoded({**value, "digest": "sha256:" + "9" * 64}))
    scene.run(scene.ago(minutes=7), change=odd, type_="normal", by="wang-jing", environment="rehearsal", outcome=None)
    # Nobody has approved or applied it.
    scene.change(3, by="gao-fei", at=scene.ago(minutes=5), reason="Firmware of the standby")
    # Break-glass: reviewed, and owed.
    for number, reviewed in ((4, True), (5, False), (6, False)):
        review = {"what": "review", "verdict": "rejected", "reason": "It could have waited"}
        id_ = scene.change(
            number, by="wang-jing", at=scene.ago(minutes=6), type_="emergency",
            reason="db-1 answers nobody since 02:10", approved_by=("lin-mei",) if reviewed else (), review=review,
        )  # fmt: skip
        scene.run(
            scene.ago(minutes=6 - number / 2), change=id_, type_="emergency", by="wang-jing", environment="rehearsal",
            outcome="succeeded" if number != 6 else "failed",
        )  # fmt: skip
    # A journal that somebody changed, and one that is on another machine only.
    broken = scene.run(scene.ago(minutes=3.4), outcome="succeeded")
    journal = scene.root / ".drillbook/runs" / broken / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"by hand", b"by Hand"))
    elsewhere = scene.change(7, by="gao-fei", at=scene.ago(minutes=9), approved_by=("lin-mei",))
    run = scene.run(
        scene.ago(minutes=2), change=elsewhere, type_="normal", by="wang-jing", environment="rehearsal", ledger=remote
    )
    for file in sorted((scene.root / ".drillbook/runs" / run).iterdir()):
        file.unlink()
    # The configuration: by an approved change, and past it.
    scene.configure(
        8,
        by="gao-fei",
        approved_by=("lin-mei", "chen-wei"),
        old="rack: a03",
        new="rack: a04",
        reason="Moved one rack over",
    )
    path = scene.root / "cmdb.d/core.yaml"
    commit(
        scene.root, {"cmdb.d/core.yaml": path.read_text().replace("owner: zhang-tao", "owner: gao-fei", 1)},
        "quick fix", when=scene.ago(minutes=1).isoformat(),
    )  # fmt: skip
    # What is no change at all.
    (scene.root / "changes/CHG-2026-0099").mkdir()
    (scene.root / "changes/CHG-2026-0099/request.json").write_text("{}")
    return scene
