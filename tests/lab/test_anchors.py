"""Hosts write down who held them, in their own files, whatever becomes of a run's journal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from drillbook.canonical import digest_bytes
from drillbook.change.gate.gate import Permission
from drillbook.errors import ExitCode, StepFailed
from drillbook.execution.announce import Announcer
from drillbook.execution.launch import begin_change
from drillbook.hosts.agent import Agent, Mark
from drillbook.hosts.anchors import FILE, ask_hosts, unknown_emergencies
from drillbook.hosts.connection import Hosts
from drillbook.journal.closing import sign_closing
from drillbook.journal.compare import against_hosts, against_ledger
from drillbook.journal.record import read_journal
from drillbook.journal.verify import verify_run
from drillbook.lab.access import lab_access
from drillbook.ledger.entries import entries
from tests.crash.journal_mutations import anew
from tests.journal_runs import REPOSITORY, make_key, signers_of
from tests.lab.engine_help import HOST, OTHER, Runner, sh, step
from tests.ledger_help import bare, remote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.fixture
def hosts(runner: Runner) -> Iterator[Hosts]:
    found = Hosts(runner.base.targets, runner.around().access)
    for item in (HOST, OTHER):
        found[item].run(["/bin/sh", "-c", f"touch {FILE}; cp {FILE} {FILE}.before"], timeout=10)
    yield found
    # What these tests held hosts for is in no ledger: whoever asks these hosts later should not be told of it.
    for item in (HOST, OTHER):
        found[item].run(["/bin/sh", "-c", f"mv {FILE}.before {FILE}; rm -f /var/lib/drillbook/lock"], timeout=10)
    found.close()


def test_a_host_tells_the_heads_of_a_runs_journal_at_lock_and_unlock(runner: Runner, hosts: Hosts) -> None:
    outcome, launch = runner.run(step("one", sh("true")))
    assert outcome.exit_code is ExitCode.OK
    records = read_journal(launch.folder.journal)
    told = ask_hosts(hosts, [HOST])
    assert not told.silent
    seen = [each for each in told.anchors if each.run == launch.folder.id]
    assert [(each.event, each.head) for each in seen] == [("lock", records[0].hash), ("unlock", records[-1].hash)]
    assert {each.change_type for each in seen} == {"standard"}
    assert "@" in seen[0].executor
    journald = hosts[HOST].run(["journalctl", "-t", "drillbook", "-o", "cat", "--no-pager", "-n", "20"], timeout=10)
    assert f"lock {launch.folder.id} {records[0].hash} standard" in journald.stdout


def test_a_run_that_is_resumed_is_told_too(runner: Runner, hosts: Hosts) -> None:
    outcome, launch = runner.run(step("one", sh("exit 1")))
    assert outcome.exit_code is ExitCode.FAILED
    runner.again(launch.folder, "abandon")
    runner.again(launch.folder, "abandon")  # ended already: nothing is added to its journal
    seen = [each for each in ask_hosts(hosts, [HOST]).anchors if each.run == launch.folder.id]
    assert [each.event for each in seen] == ["lock", "unlock"]
    assert seen[-1].head == read_journal(launch.folder.journal)[-1].hash


def test_what_a_run_says_of_itself_is_never_more_than_a_word(hosts: Hosts) -> None:
    """A value with spaces, line breaks or nothing in it makes no line of another run."""
    agent = Agent(hosts[OTHER])
    before = hosts[OTHER].run(["/bin/sh", "-c", f"cat {FILE} 2>/dev/null | wc -l"], timeout=10)
    mark = Mark("", "emergency\n2026-11-22T12:00:00Z lock forged - - -", "$(touch /tmp/ran) `id`")
    agent.lock("run-hostile", "nobody", mark)
    agent.unlock("run-hostile", mark)
    after = hosts[OTHER].run(["/bin/sh", "-c", f"wc -l < {FILE}; test ! -e /tmp/ran"], timeout=10)
    assert after.exit_code == 0
    assert int(after.stdout) - int(before.stdout) == 2
    told = ask_hosts(hosts, [OTHER])
    assert {each.run for each in told.anchors} & {"run-hostile", "forged"} == {"run-hostile"}
    assert [(each.head, each.change_type, each.executor) for each in told.anchors if each.run == "run-hostile"] == [
        ("-", "-", "-"), ("-", "-", "-")
    ]  # fmt: skip


def test_hosts_tell_of_emergencies_that_nobody_else_knows(hosts: Hosts) -> None:
    agent = Agent(hosts[OTHER])
    mark = Mark(digest_bytes(b"x"), "emergency", "ada")
    agent.lock("run-secret", "ada@desk-1", mark)
    agent.unlock("run-secret", mark)
    told = ask_hosts(hosts, [HOST, OTHER])
    assert [(each.run, each.executor) for each in unknown_emergencies(told, known=set())] == [("run-secret", "ada")]
    assert unknown_emergencies(told, known={"run-secret"}) == ()


def test_a_host_that_cannot_write_it_down_gives_no_lock(hosts: Hosts) -> None:
    connection = hosts[OTHER]
    swap = f"mv {FILE} {FILE}.kept && mkdir {FILE}"
    assert connection.run(["/bin/sh", "-c", swap], timeout=10).exit_code == 0
    try:
        with pytest.raises(StepFailed, match="its lock cannot be taken"):
            Agent(connection).lock("run-x", "ada@desk-1", Mark(digest_bytes(b"x"), "standard", "ada"))
        assert connection.run(["/bin/sh", "-c", "test ! -e /var/lib/drillbook/lock"], timeout=10).exit_code == 0
    finally:
        connection.run(["/bin/sh", "-c", f"rmdir {FILE} && mv {FILE}.kept {FILE}"], timeout=10)


def test_a_hosts_lock_is_given_back_from_a_machine_that_never_was_there(hosts: Hosts) -> None:
    """The script of who took it is another version, or gone."""
    agent = Agent(hosts[OTHER])
    mark = Mark(digest_bytes(b"x"), "normal", "ada")
    agent.lock("run-gone", "ada@desk-1", mark)
    hosts[OTHER].run(["/bin/sh", "-c", "rm /var/lib/drillbook/agent-*.sh"], timeout=10)
    agent.unlock("run-gone", Mark(digest_bytes(b"x"), "normal", "ben"))
    agent.lock("run-next", "ben@desk-2", mark)
    agent.unlock("run-next", mark)
    seen = [each for each in ask_hosts(hosts, [OTHER]).anchors if each.run == "run-gone"]
    assert [(each.event, each.executor) for each in seen] == [("lock", "ada"), ("unlock", "ben")]


def test_the_run_of_a_change_is_known_to_its_signature_the_remote_and_its_host(
    runner: Runner, hosts: Hosts, tmp_path: Path
) -> None:
    ada = make_key(tmp_path, "ada")
    plan = runner.plan(step("one", sh("true")), step("two", sh("true")))
    permission = Permission(
        plan_digest=plan.digest, change_type="normal", change="CHG-2026-0001", executor="ada", base="c" * 40,
        repository=REPOSITORY, hosts={item: target.address for item, target in plan.targets.items()},
    )  # fmt: skip
    arbiter = remote(tmp_path / "desk", bare(tmp_path / "server.git"))
    announcer = Announcer(
        root=tmp_path, remote=arbiter, signer=ada, claim=True, needed=True, seen="", saw=lambda _: None
    )
    around = replace(runner.around(), access=lab_access(permission), signer=ada, announcer=announcer)
    launch = begin_change(plan, permission, around, purpose="test")
    assert launch.engine.run().exit_code is ExitCode.OK
    assert launch.close() == []
    folder = launch.folder.path

    def wrong() -> list[str]:
        """What signature, remote and host have against it."""
        alone = verify_run(folder, keys=signers_of(ada), repository=REPOSITORY, labs=())
        told = ask_hosts(hosts, [HOST])
        by_hosts = against_hosts([alone], told, known=())[0]
        by_ledger = against_ledger(
            [alone], entries(arbiter), keys=signers_of(ada), closed_changes=(), folder=folder.parent
        )[0]
        return [*alone.flaws, *by_hosts[0].flaws, *by_ledger[0].flaws]

    assert wrong() == []
    # Who ran it leaves a step out, makes all hashes right, and signs.
    records = [each for each in read_journal(launch.folder.journal) if each.data.get("step") != "two"]
    launch.folder.journal.write_bytes(anew(records))
    (folder / "journal.sig").unlink()
    sign_closing(folder, read_journal(launch.folder.journal), ada)
    found = wrong()
    assert len(found) == 2
    assert f"{HOST} saw it with the head" in found[0]
    assert "does not end as the ledger says" in found[1]
