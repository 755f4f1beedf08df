"""Change records for tests: values of each file, and a folder that holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.canonical import digest, digest_bytes
from drillbook.change.records.strict import encoded
from drillbook.plan.model import (
    Assumption,
    CheckRun,
    Command,
    FenceRun,
    Hand,
    ManualStep,
    Plan,
    PlannedSlot,
    PlannedStep,
    PlannedUndo,
    PlaybookRun,
    PowerControl,
    PowerRun,
    SlotUse,
    Target,
    WaitRun,
)
from drillbook.runbook.model import Kind, Repeat, Text, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHANGE = "CHG-2026-0007"
REPOSITORY = "0123456789abcdef0123456789abcdef01234567"
ENGINE = "sha256:" + "e" * 64
SEALED = [["checks/db.py", "-", "sha256:" + "3" * 64], ["one.yml", "link", "rebuild.yml"]]
Data = dict[str, Any]


def step(
    id_: str = "promote", *, action: Any = None, undo: PlannedUndo | None = None, item: str | None = "db-2"
) -> PlannedStep:
    return PlannedStep(
        id=id_,
        title=Text("Promote", "提升"),
        verb=Verb.PROMOTE,
        item=item,
        action=action or Command(("pg_ctl", "promote"), "", "postgres"),
        verify=(CheckRun("checks/db.py", "is_primary", "db-2", {"port": 5432}),),
        undo=undo or PlannedUndo(None, Text("it has a new timeline; rebuild", "已有新时间线")),
        timeout=20.0,
        repeat=Repeat.CHECK,
        by_hand=(Hand("db-2", "pg_ctl promote", Text("promoted", "已提升")),),
    )


def plan(*steps: PlannedStep, environment: str = "rehearsal", address: str = "10.213.0.11", **fields: Any) -> Plan:
    values: dict[str, Any] = {
        "runbook": "RB-SWITCHOVER",
        "title": Text("Switch over", "切换"),
        "kind": Kind.SWITCHOVER,
        "runbook_digest": "sha256:" + "1" * 64,
        "environment": environment,
        "parameters": {"pair": "db-pair"},
        "protection": "db-pair",
        "roles": {"primary": "db-1", "standby": "db-2"},
        "targets": {
            "db-1": Target("db-1", address, 22, "root", PowerControl("lab", {})),
            "db-2": Target("db-2", "10.213.0.12", 22, "root", PowerControl("lab", {})),
        },
        "reachable": ("db-1", "db-2"),
        "locks": ("db-1", "db-2"),
        "services": ("ledger",),
        "assumptions": (
            Assumption(Text("it is healthy", "正常"), CheckRun("checks/db.py", "is_primary", "db-1", {"port": 5432})),
        ),
        "steps": steps or (step(),),
        "artifacts_digest": digest(SEALED),
        "cmdb_slice": {
            "config_items": {"db-1": {"class": "host"}, "db-2": {"class": "host"}},
            "environments": {environment: {"kind": "rehearsal"}},
            "protections": {"db-pair": {"kind": "hot_standby"}},
            "services": {"ledger": {"tier": 1, "rto": "60 s", "rpo": "0 s"}},
        },
        "engine": "0.4.0",
    }
    return Plan(**{**values, **fields})


def plan_with_all() -> Plan:
    """Give a plan with every kind of action and of undo, and with slots wherever they can stand."""
    rule = CheckRun("checks/db.py", "newest", "db-2", {"folder": "/srv/copies"})
    check = CheckRun(
        "checks/db.py", "is_primary", "db-2", {"port": 5432, "deep": {"list": [1, None, True]}}, {"copy": "copies"}
    )
    script = ("/bin/sh", "-eu", "-c", "one\ntwo\n", "run", SlotUse("copies", many=True))
    playbook = PlaybookRun("rebuild.yml", "db-1", {"name": "x", "ports": [1, 2]})
    return plan(
        step("run", action=Command(script, "select 1;\n", "root")),
        step("playbook", action=playbook, undo=PlannedUndo(playbook, None)),
        step("check", action=check),
        step("wait", action=WaitRun(check, 0.5)),
        step("manual", action=ManualStep(Text("go there", "去那里")), item=None),
        step("fence", action=FenceRun("db-1", ("db-2",), (5432,))),
        step("power", action=PowerRun("db-1", "on"), undo=PlannedUndo(Command(("true",), "", "root"), None)),
        slots=(PlannedSlot("copies", Text("the newest copies", "最新副本"), rule),),
    )


def request(**fields: Any) -> Data:
    value: Data = {
        "format": 1,
        "change": CHANGE,
        "repository": REPOSITORY,
        "type": "normal",
        "risk": "medium",
        "reason": "The quarterly switchover",
        "window": {"from": "2026-11-23T20:00:00Z", "until": "2026-11-23T22:00:00Z"},
        "subject": {
            "kind": "runbook",
            "runbook": "RB-SWITCHOVER",
            "environment": "rehearsal",
            "parameters": {"pair": "db-pair"},
        },
        "requested_by": "ann",
        "requested_at": "2026-11-22T12:00:00Z",
    }
    return {**value, **fields}


def bound(**fields: Any) -> Data:
    value: Data = {
        "format": 1,
        "repository": REPOSITORY,
        "change": CHANGE,
        "request": digest_bytes(encoded(request())),
        "engine": ENGINE,
        "plan": plan().to_json(),
        "sealed": SEALED,
        "configuration": None,
    }
    return {**value, **fields}


def approval(person: str = "ben", *, of: Data | None = None, **fields: Any) -> Data:
    value: Data = {
        "format": 1,
        "what": "approval",
        "repository": REPOSITORY,
        "change": CHANGE,
        "digest": digest_bytes(encoded(of or bound())),
        "environment": "rehearsal",
        "approver": person,
        "approved_at": "2026-11-22T13:00:00Z",
        "expires": "2026-11-29T13:00:00Z",
    }
    return {**value, **fields}


def result(**fields: Any) -> Data:
    value: Data = {
        "format": 1,
        "what": "result",
        "repository": REPOSITORY,
        "change": CHANGE,
        "digest": digest_bytes(encoded(bound())),
        "result": "succeeded",
        "runs": [],
        "deviations": [],
        "closed_by": "ann",
        "closed_at": "2026-11-23T21:00:00Z",
    }
    return {**value, **fields}


def change_files(
    *,
    request: Data = request(),  # noqa: B008 - never changed
    plan: Data | None = None,
    approvals: Sequence[Data] = (),
    result: Data | None = None,
) -> dict[str, bytes]:
    """Give the files of a change; its signatures are no signatures."""
    files = {
        "request.json": encoded(request),
        "request.sig": b"signature",
        "plan.json": encoded(plan or bound()),
        "plan.md": b"# Plan\n",
    }
    for each in approvals:
        files[f"approvals/{each['approver']}.json"] = encoded(each)
        files[f"approvals/{each['approver']}.sig"] = b"signature"
    if result is not None:
        files |= {"result.json": encoded(result), "result.sig": b"signature"}
    return files


def write_change(root: Path, *, name: str = CHANGE, **parts: Any) -> Path:
    """Write a change below ``root`` and give its folder."""
    return write_files(root / "changes" / name, change_files(**parts))


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder
