"""Slots on real hosts: chosen by a look at the host, on record, kept over a resume and a rollback; notes are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.artifacts.seal import digest_of
from drillbook.console.output import console
from drillbook.console.run_view import RunView, summary
from drillbook.errors import ExitCode
from drillbook.journal.record import read_journal
from drillbook.plan.model import CheckRun, Command, PlannedSlot, SlotUse
from drillbook.runbook.model import Text
from tests.lab.engine_help import HOST, Runner, kinds, sh, step

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.plan.model import PlannedStep

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

CHOOSER = '''"""Chooses copies by their names."""


def newest(host, folder):
    """Choose the two newest."""
    found = sorted(host.run("ls %s", folder).stdout.split(), reverse=True)
    assert found, f"there is no copy in {folder}"
    return {"value": found[:2], "detail": f"of {len(found)}"}


def first_is(host, file, copies):
    """Hold when a file holds the first of some values."""
    assert host.file(file).content_string.split()[0] == copies[0]
'''
RULE = PlannedSlot(
    "copies",
    Text("the newest copies", "最新副本"),
    CheckRun("checks/copies.py", "newest", HOST, {"folder": "/tmp/t/c"}),
)
USE = SlotUse("copies", many=True)


def using(script: str) -> Command:
    return Command((*sh(script).argv, USE), "", "root")


@pytest.fixture
def choosing(runner: Runner, tmp_path: Path) -> Runner:
    """Give a runner whose sealed files have the chooser, on a host that has copies."""
    (tmp_path / "estate/playbooks/checks").mkdir(parents=True)
    (tmp_path / "estate/playbooks/checks/copies.py").write_text(CHOOSER)
    runner.root = tmp_path / "estate"
    runner.on_host(HOST, "mkdir /tmp/t/c; touch /tmp/t/c/one.1 /tmp/t/c/one.2 /tmp/t/c/one.3")
    return runner


def steps() -> tuple[PlannedStep, ...]:
    look = CheckRun("checks/copies.py", "first_is", HOST, {"file": "/tmp/t/log"}, {"copies": "copies"})
    return (
        step("take", using('echo "note: $1 is damaged"; printf "%s\\n" "$@" > /tmp/t/log'), verify=(look,),
             undo=using('printf -- "-%s\\n" "$@" >> /tmp/t/log')),
        step("go", sh("test -f /tmp/t/mended"), undo=sh("true")),
        step("again", using('printf "%s\\n" "$@" >> /tmp/t/log'), undo=sh("true")),
    )  # fmt: skip


def test_a_slot_is_bound_once_and_kept_over_a_resume(choosing: Runner) -> None:
    outcome, launch = choosing.run(*steps(), slots=(RULE,), artifacts_digest=digest_of(choosing.root))
    assert (outcome.exit_code, outcome.step) == (ExitCode.FAILED, "go")
    seen = kinds(launch.folder)
    assert seen.index("assumptions.held") < seen.index("slot.bound") < seen.index("step.started")
    choosing.on_host(HOST, "touch /tmp/t/c/one.4 /tmp/t/mended")
    assert choosing.again(launch.folder).result == "succeeded"
    assert choosing.on_host(HOST, "cat /tmp/t/log") == "one.3\none.2\none.3\none.2\n"
    records = read_journal(launch.folder.journal)
    [bound] = [record.data for record in records if record.kind == "slot.bound"]
    assert bound == {"slot": "copies", "value": ["one.3", "one.2"], "detail": "of 3"}
    [taken] = [each.data for each in records if each.kind == "step.ended" and each.data["step"] == "take"]
    assert taken["evidence"]["notes"] == ["one.3 is damaged"]


def test_a_rollback_uses_what_was_chosen(choosing: Runner) -> None:
    _, launch = choosing.run(*steps(), slots=(RULE,), artifacts_digest=digest_of(choosing.root))
    choosing.on_host(HOST, "touch /tmp/t/c/one.4")
    assert choosing.again(launch.folder, "rollback").result == "rolled_back"
    assert choosing.on_host(HOST, "cat /tmp/t/log") == "one.3\none.2\n-one.3\n-one.2\n"


def test_where_nothing_can_be_chosen_nothing_is_changed(choosing: Runner) -> None:
    choosing.on_host(HOST, "rm /tmp/t/c/*")
    outcome, launch = choosing.run(*steps(), slots=(RULE,), artifacts_digest=digest_of(choosing.root))
    assert (outcome.result, outcome.exit_code) == ("refused", ExitCode.ASSUMPTION)
    assert "there is no copy in /tmp/t/c" in outcome.message
    assert "step.started" not in kinds(launch.folder)


def test_the_person_at_the_terminal_is_told(choosing: Runner) -> None:
    choosing.on_host(HOST, "touch /tmp/t/mended")
    choosing.listener = view = RunView({})
    view.plan = choosing.plan(*steps(), slots=(RULE,))
    with console.capture() as shown:
        outcome, launch = choosing.run(*steps(), slots=(RULE,), artifacts_digest=digest_of(choosing.root))
        summary(launch, outcome)
    told = shown.get()
    assert "copies one.3, one.2  of 3" in told
    assert "! take  one.3 is damaged\n" in told
    assert "Note: take: one.3 is damaged" in told
