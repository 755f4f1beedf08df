"""A change's run: journal, remote, connections, in this order; and its end: outcome, signature, remote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.change.gate.gate import Permission
from drillbook.clock import SystemClock
from drillbook.errors import ExitCode, HostUnreachable, Locked, Refused, RemoteUnreachable
from drillbook.execution.announce import Announcer, settle
from drillbook.execution.launch import Surroundings, again, begin_change, forbid
from drillbook.execution.of_change import deviations, outcome_of, runs_of_changes, sign_what_is_not
from drillbook.execution.runs import RunFolder
from drillbook.hosts.access import Access
from drillbook.journal.record import read_journal
from drillbook.journal.verify import Standing, verify_run
from drillbook.ledger.claims import lock_ref, open_run
from drillbook.ledger.entries import entries
from drillbook.tasks.wiring import load_estate, plan_of
from tests.journal_runs import REPOSITORY, make_key, signers_of
from tests.ledger_help import bare, entry, loose, remote

if TYPE_CHECKING:
    from drillbook.ledger.remote import Remote
    from drillbook.plan.model import Plan
    from drillbook.signing.sign import Signer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CHANGE = "CHG-2026-0001"


class Desk:
    """A machine from which changes are run, on hosts at whose address nobody answers."""

    def __init__(self, folder: Path, url: Path, signer: Signer) -> None:
        self.folder, self.signer = folder, signer
        self.remote: Remote = remote(folder, url, seconds=10)
        self.saw: list[str] = []
        base = plan_of(load_estate(ROOT), "RB-DB-SWITCHOVER", environment="lab", parameters={"pair": "core-db"})
        nowhere = {
            item: replace(target, address="127.0.0.1", ssh_port=1) for item, target in list(base.targets.items())[:1]
        }
        self.item = next(iter(nowhere))
        self.plan = replace(base, assumptions=(), steps=(), targets=nowhere, reachable=(self.item,), locks=(self.item,))
        # One that needs no host: it has nothing to do.
        self.idle = replace(self.plan, reachable=(), locks=())

    def permission(self, plan: Plan, kind: str = "normal") -> Permission:
        return Permission(
            plan_digest=plan.digest, change_type=kind, hosts=MappingProxyType({self.item: "127.0.0.1"}), change=CHANGE,
            executor=self.signer.person, base="c" * 40, repository=REPOSITORY, reason="monthly rehearsal",
        )  # fmt: skip

    def around(self, plan: Plan, *, needed: bool = True, **changes: Any) -> Surroundings:
        known_hosts = self.folder / "known_hosts"
        known_hosts.touch()
        given: dict[str, Any] = {
            "root": ROOT, "state": self.folder / ".drillbook",
            "access": Access(known_hosts, None, self.permission(plan)), "power": None, "person": None,
            "clock": SystemClock(), "stopping": lambda: False, "listener": lambda _: None, "signer": self.signer,
            "announcer": Announcer(
                root=self.folder,
                remote=self.remote, signer=self.signer, claim=needed, needed=needed, seen="", saw=self.saw.append
            ),
        }  # fmt: skip
        return Surroundings(**{**given, **changes})

    def begin(self, plan: Plan, *, kind: str = "normal", **changes: Any) -> Any:
        return begin_change(
            plan, self.permission(plan, kind), self.around(plan, needed=kind != "emergency", **changes), purpose="test"
        )

    def newest(self) -> RunFolder:
        return RunFolder(max((self.folder / ".drillbook/runs").iterdir()))

    def verified(self) -> Any:
        return verify_run(self.newest().path, keys=signers_of(self.signer), repository=REPOSITORY)


@pytest.fixture
def url(tmp_path: Path) -> Path:
    return bare(tmp_path / "server.git")


@pytest.fixture
def desk(tmp_path: Path, url: Path) -> Desk:
    return Desk(tmp_path / "desk", url, make_key(tmp_path, "ada"))


def kinds(folder: RunFolder) -> list[str]:
    return [record.kind for record in read_journal(folder.journal)]


def test_a_run_is_announced_before_its_hosts_are_reached_and_can_be_resumed(desk: Desk) -> None:
    with pytest.raises(HostUnreachable) as stopped:
        desk.begin(desk.plan)
    run = desk.newest()
    assert f"./inv runbooks.resume {run.id}" in stopped.value.remedy
    assert kinds(run) == ["run.opened", "ledger.entered", "run.stopped"]
    ledger = entries(desk.remote)
    opened = ledger.open_runs()[0].entry
    assert (opened.run, opened.change, opened.executor, opened.reason) == (run.id, CHANGE, "ada", "monthly rehearsal")
    assert opened.head == read_journal(run.journal)[0].hash
    assert lock_ref("lab", desk.item) in desk.remote.fetch()
    assert desk.saw == [ledger.tip]
    # Resumed, it asks for nothing that it holds; its hosts are connected when they are needed.
    launch = again(run, desk.around(desk.plan), event="run.resumed")
    assert launch.engine.run().exit_code is ExitCode.UNREACHABLE
    assert launch.close() == []


def test_the_end_is_signed_and_told_after_the_outcome(desk: Desk) -> None:
    launch = desk.begin(desk.idle)
    outcome = launch.engine.run()
    assert outcome.result == "succeeded"
    assert not (launch.folder.path / "journal.sig").exists()
    assert launch.close() == []
    assert desk.verified().standing is Standing.SIGNED
    ledger = entries(desk.remote)
    records = read_journal(launch.folder.journal)
    closed = ledger.find(launch.folder.id, "closed").entry
    assert (closed.head, closed.count, closed.result) == (records[-1].hash, len(records), "succeeded")
    assert desk.saw[-1] == ledger.tip


def test_a_run_that_was_killed_before_it_was_signed_is_signed_by_the_next_command(desk: Desk) -> None:
    launch = desk.begin(desk.idle)
    launch.engine.run()
    launch.journal.close()  # and no more: the process is gone
    assert desk.verified().standing is Standing.NOT_SIGNED_YET
    before = launch.folder.journal.read_bytes()
    resumed = again(launch.folder, desk.around(desk.idle), event="run.resumed")
    assert resumed.engine.run().exit_code is ExitCode.OK
    assert resumed.close() == []
    assert launch.folder.journal.read_bytes() == before
    assert desk.verified().standing is Standing.SIGNED
    assert entries(desk.remote).open_runs() == ()


def test_a_remote_that_is_gone_at_the_end_is_told_later(desk: Desk, url: Path) -> None:
    launch = desk.begin(desk.idle)
    launch.engine.run()
    url.rename(url.with_name("away"))
    left = launch.close()
    assert len(left) == 1
    assert "does not know yet that this run ended" in left[0]
    assert f"./inv runbooks.resume {launch.folder.id}" in left[0]
    assert desk.verified().standing is Standing.SIGNED
    url.with_name("away").rename(url)
    around = desk.around(desk.idle)
    assert settle(launch.folder, desk.idle, signer=around.signer, announcer=around.announcer) == []
    assert entries(desk.remote).open_runs() == ()


def test_a_key_that_is_gone_at_the_end_signs_later(desk: Desk) -> None:
    launch = desk.begin(desk.idle)
    launch.engine.run()
    key = desk.signer.private
    key.rename(key.with_name("away"))
    left = launch.close()
    assert "is closed and not signed" in left[0]
    assert entries(desk.remote).open_runs()[0].entry.run == launch.folder.id  # not told before it is signed
    key.with_name("away").rename(key)
    assert again(launch.folder, desk.around(desk.idle), event="run.resumed").close() == []
    assert desk.verified().standing is Standing.SIGNED
    assert entries(desk.remote).open_runs() == ()


def test_a_run_that_the_remote_refuses_ends_there(desk: Desk) -> None:
    other = entry("run-1", change="CHG-2026-0002", environment="lab", executor="ben", machine="desk-2")
    open_run(desk.remote, loose(other), locks=[desk.item], claim=True)
    with pytest.raises(Locked, match=f"{desk.item} in lab is held by run run-1 of ben on desk-2"):
        desk.begin(desk.plan)
    assert kinds(desk.newest()) == ["run.opened", "run.closed"]
    assert desk.verified().standing is Standing.SIGNED


def test_a_change_is_not_applied_twice(desk: Desk) -> None:
    launch = desk.begin(desk.idle)
    launch.engine.run()
    launch.close()
    with pytest.raises(Refused, match="a change is applied once"):
        desk.begin(desk.idle)
    refused = [each for each in (desk.folder / ".drillbook/runs").iterdir() if each != launch.folder.path]
    assert kinds(RunFolder(refused[0])) == ["run.opened", "run.closed"]
    assert [each.entry.run for each in entries(desk.remote).entries] == [launch.folder.id] * 2


def test_without_the_remote_nothing_begins_but_break_glass(desk: Desk, url: Path) -> None:
    url.rename(url.with_name("away"))
    with pytest.raises(RemoteUnreachable) as stopped:
        desk.begin(desk.idle)
    assert "./inv runbooks.abandon" in stopped.value.remedy
    run = desk.newest()
    assert kinds(run) == ["run.opened", "run.stopped"]
    launch = again(run, desk.around(desk.idle), event="run.resumed", announce=False)
    assert launch.engine.abandon().result == "abandoned"
    assert "does not know yet" in launch.close()[0]
    emergency = desk.begin(desk.idle, kind="emergency")
    assert emergency.engine.run().result == "succeeded"
    assert kinds(emergency.folder)[:2] == ["run.opened", "ledger.unreachable"]
    assert "does not know yet" in emergency.close()[0]
    url.with_name("away").rename(url)
    around = desk.around(desk.idle, needed=False)
    assert settle(emergency.folder, desk.idle, signer=around.signer, announcer=around.announcer) == []
    assert [each.entry.type for each in entries(desk.remote).entries] == ["emergency"] * 2


def test_what_a_look_at_the_hosts_forbids_waits_with_its_claim_and_goes_on(desk: Desk) -> None:
    plan = replace(desk.idle, locks=(desk.item,))
    launch = desk.begin(plan)
    error = Refused("the hosts' clocks differ from ours", remedy="set one right")
    forbid(launch, error)
    assert error.remedy.startswith("set one right\n")
    assert f"./inv runbooks.resume {launch.folder.id}" in error.remedy
    assert f"./inv runbooks.abandon {launch.folder.id}" in error.remedy
    assert kinds(launch.folder) == ["run.opened", "ledger.entered", "run.stopped"]
    assert entries(desk.remote).open_runs()[0].entry.run == launch.folder.id
    assert lock_ref("lab", desk.item) in desk.remote.fetch()
    resumed = again(launch.folder, desk.around(desk.idle), event="run.resumed")
    # Its host is nowhere, and it is asked for its lock: so it stops again, and still nothing is spent.
    outcome = resumed.engine.run()
    assert (outcome.result, outcome.exit_code) == ("refused", ExitCode.UNREACHABLE)
    assert resumed.close() == []
    assert kinds(launch.folder)[-1] == "run.stopped"
    assert lock_ref("lab", desk.item) in desk.remote.fetch()


def test_a_run_that_was_forbidden_goes_on_to_its_end(desk: Desk) -> None:
    launch = desk.begin(desk.idle)
    forbid(launch, Refused("no"))
    resumed = again(launch.folder, desk.around(desk.idle), event="run.resumed")
    assert resumed.engine.run().exit_code is ExitCode.OK
    assert resumed.close() == []
    assert desk.verified().standing is Standing.SIGNED
    assert entries(desk.remote).find(launch.folder.id, "closed").entry.result == "succeeded"


def test_a_run_that_was_forbidden_is_given_up(desk: Desk) -> None:
    launch = desk.begin(replace(desk.idle, locks=(desk.item,)))
    forbid(launch, Refused("no"))
    given_up = again(launch.folder, desk.around(desk.idle), event="run.resumed", announce=False)
    outcome = given_up.engine.abandon()
    assert (outcome.result, outcome.message) == ("abandoned", "given up by a person; nothing was changed")
    assert given_up.close() == []
    assert lock_ref("lab", desk.item) not in desk.remote.fetch()
    result, told, _ = outcome_of(runs_of_changes(desk.folder / ".drillbook")[CHANGE])
    assert (result, [each.result for each in told]) == ("abandoned", ["abandoned"])
    with pytest.raises(Refused, match="a change is applied once"):
        desk.begin(desk.idle)


def test_break_glass_that_is_forbidden_is_closed(desk: Desk) -> None:
    launch = desk.begin(desk.idle, kind="emergency", announcer=None)
    assert launch.engine.refuse(Refused("no")).result == "refused"
    assert kinds(launch.folder)[-1] == "run.closed"
    launch.close()


def test_where_nobody_signs_nothing_is_signed(desk: Desk) -> None:
    launch = desk.begin(desk.idle, signer=None, announcer=None)
    launch.engine.run()
    assert launch.close() == []
    assert not (launch.folder.path / "journal.sig").exists()


def test_closing_a_change_signs_what_who_ran_it_had_not_signed_yet(desk: Desk, tmp_path: Path) -> None:
    launch = desk.begin(desk.idle)
    launch.engine.run()
    launch.journal.close()
    state = desk.folder / ".drillbook"
    runs = runs_of_changes(state)[CHANGE]
    other = sign_what_is_not(runs, state, make_key(tmp_path, "ben"))
    assert "is not signed by who ran it: ada" in deviations(other[0])[-1].text
    signed_now = sign_what_is_not(runs, state, desk.signer)
    assert signed_now[0].signature == (launch.folder.path / "journal.sig").read_bytes()
    assert deviations(signed_now[0]) == []
    assert desk.verified().standing is Standing.SIGNED
