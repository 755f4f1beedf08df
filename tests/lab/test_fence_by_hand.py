"""Break-glass where power control is gone: two people switch the old primary off, and say so. On real hosts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import ExitCode
from drillbook.execution.by_hand import LABEL, NAMESPACE
from drillbook.journal.record import read_journal
from drillbook.lab import network, vitals
from drillbook.lab.faults import make_fault
from drillbook.lab.state import read_state
from drillbook.signing.keys import Signers
from tests.estate_clone import MANAGER, OPERATOR, Clone
from tests.lab.lab_help import MARKS, bring_up

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [*MARKS, pytest.mark.usefixtures("lab")]

PRIMARY = "core-db-1"


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """The estate, and a primary whose power control does not answer."""
    fault = make_fault("power_control", PRIMARY, {"mode": "fails"}, lab=read_state())
    fault.inject()
    yield Clone.make(tmp_path)
    fault.heal()
    # Hosts do not forget break-glass.
    bring_up(fresh=True)


def said(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def test_two_people_fence_by_hand_what_power_control_cannot(clone: Clone) -> None:
    key, second = str(clone.key(OPERATOR)), str(clone.key(MANAGER))
    by_hand = ("--fenced-by-hand", PRIMARY, "--witness", second)
    # It is alive: nobody's word stands against what the witnesses see.
    done = clone.inv(
        "runbooks.run", "RB-DB-FAILOVER", *clone.switchover(), "--yes", "--emergency",
        "--reason", "core-db answers nobody, its power control neither", "--key", key, *by_hand,
    )  # fmt: skip
    assert done.returncode == ExitCode.NOT_FENCED, said(done)
    assert f"{PRIMARY} is not off" in said(done)
    run = max((clone.root / ".drillbook/runs").iterdir()).name

    host = read_state().hosts[PRIMARY]
    network.unplug(host.address)
    vitals.kill(host.container_id, timeout=10)
    done = clone.inv("runbooks.resume", run, "--key", key)
    assert done.returncode == ExitCode.NOT_FENCED, said(done)
    assert f"./inv runbooks.resume {run} --fenced-by-hand {PRIMARY} --witness" in said(done)
    done = clone.inv("runbooks.resume", run, "--key", key, "--fenced-by-hand", PRIMARY, "--witness", key)
    assert done.returncode == ExitCode.REFUSED, said(done)
    assert "cannot be their own second person" in said(done)

    done = clone.inv("runbooks.resume", run, "--key", key, *by_hand)
    assert done.returncode == ExitCode.OK, said(done)
    assert f"{LABEL}: it is switched off, say {OPERATOR} and {MANAGER}" in said(done)
    records = read_journal(clone.root / ".drillbook/runs" / run / "journal.jsonl")
    stated = [r.data["evidence"]["by_hand"] for r in records if "by_hand" in (r.data.get("evidence") or {})]
    keys = {person: [clone.key(person).with_suffix(".pub").read_text().strip()] for person in (OPERATOR, MANAGER)}
    for each in stated[-1]:
        Signers.of(keys).verify(
            each["text"].encode(), each["signature"].encode(),
            namespace=NAMESPACE, person=each["person"], at=datetime.now(UTC),
        )  # fmt: skip

    change = records[0].data["change_id"]
    clone.commit("What was done at night")
    clone.must("changes.approve", change, "--yes", "--verdict", "accepted", "--reason", "It was down", "--key", second)
    clone.commit("Reviewed")
    clone.must("changes.close", change, "--key", key)
    result = json.loads((clone.root / "changes" / change / "result.json").read_text())
    assert any(LABEL in each["text"] for each in result["deviations"])
