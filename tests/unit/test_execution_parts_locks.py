"""The locks of independent parts: what a part that has begun stands upon is kept, and what none needs is free.

Engine and journal are real; the hosts know locks and effects alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.errors import ExitCode, Locked, OutcomeUnknown
from drillbook.execution.in_use import hosts_in_use
from drillbook.execution.state import state_from_records
from tests.parts_estate import whole
from tests.plan_values import plan
from tests.runbook_estate import text
from tests.unit.test_execution_parts import Estate, Killed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lock_fleet import LockedHost

BY_HAND = [{"do": "x", "see": text()}]


def acting(**after: list[str]) -> list[dict[str, Any]]:
    """Give the runbook of three parts whose steps are commands on their hosts, each with an undo."""
    books = whole(**after)
    for book in books[1:]:
        for step in book["steps"]:
            step.pop("manual")
            step |= {"on": "host", "run": {"argv": ["do", step["id"]]}, "repeat": "safe", "by_hand": BY_HAND}
            step["undo"] = {"run": {"argv": ["undo", step["id"]]}}
    return books


def switching_on() -> list[dict[str, Any]]:
    """Let a switch db-1 on and act on it then, and let b come after it, on the same host."""
    books = acting(b=["a"])
    books[1]["roles"]["host"]["reachable"] = False
    books[1]["assumptions"] = []
    on = {"id": "on", "verb": "start", "on": "host", "power": "on", "undo": "nothing", "timeout": "1 min"}
    books[1]["steps"].insert(0, {**on, "title": text(), "repeat": "safe", "by_hand": BY_HAND})
    books[0]["steps"][1]["runbook"]["parameters"]["host"] = "db-1"
    return books


def use(host: LockedHost) -> None:
    """Another run takes a host, acts on it, and ends."""
    host.effect("other", "x", host.lock("other"))
    host.unlock("other")


def test_a_host_that_a_done_part_has_changed_keeps_its_lock(tmp_path: Path) -> None:
    """Also when it was off as that part began, and stands among no part's locks but those of one that failed."""
    made = Estate(tmp_path, plan(*switching_on()), unfit={"db-1"})
    assert [part.locks for part in made.plan.parts] == [(), ("db-1",), ("watch-1",)]
    assert made.run().message.endswith("Done: a, c")
    host = made.fleet.agent("db-1")
    assert host.ran == [("r1", "a.do"), ("r1", "a.tell")]
    with pytest.raises(Locked):
        use(host)
    assert made.run("rollback").result == "rolled_back"
    assert host.ran[2:] == [("r1", "undo.a.tell"), ("r1", "undo.a.do")]
    use(host)


def dies() -> None:
    raise Killed


def answer_is_lost() -> None:
    raise OutcomeUnknown("the answer was lost")


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("way", ["run", "rollback"])
@pytest.mark.parametrize("what", [dies, answer_is_lost])
def test_a_lock_that_was_given_back_without_a_record_stands_in_nobodys_way(
    what: Any, way: str, used: bool, tmp_path: Path
) -> None:
    """Also when another run has had the host since: this one has done nothing there."""
    made = Estate(tmp_path, plan(*acting()), unfit={"db-2"})
    host = made.fleet.agent("db-2")
    host.unlocked = what
    try:
        assert made.run().exit_code is ExitCode.PARTIAL
    except Killed:
        assert what is dies
    assert not made.told("lock.given_back")
    assert host.holder == ""
    if used:
        use(host)
    made.unfit = set()
    outcome = made.run(way)
    assert (outcome.exit_code, outcome.message) == (ExitCode.OK, "")
    assert host.ran[used:] == ([("r1", "b.do"), ("r1", "b.tell")] if way == "run" else [])
    assert {each.holder for each in made.fleet.hosts.values()} == {""}


def test_a_host_that_a_part_has_begun_on_is_not_taken_after_another_run(tmp_path: Path) -> None:
    made = Estate(tmp_path, plan(*acting()), unfit={"db-2"})
    made.run()
    host = made.fleet.agent("db-1")
    host.holder = ""  # somebody has freed it by hand
    use(host)
    outcome = made.run("rollback")
    assert outcome.exit_code is ExitCode.REFUSED
    assert outcome.message.startswith("db-1 was used by another run since this one stopped")


def test_a_part_that_has_begun_keeps_the_hosts_that_it_has_not_come_to(tmp_path: Path) -> None:
    made = Estate(tmp_path, plan(*acting()), unfit={"db-2", "watch-1"})
    first, *others = made.plan.parts
    made.plan = replace(made.plan, parts=(replace(first, locks=("db-1", "mail-1")), *others))
    made.run()
    assert hosts_in_use(made.plan, state_from_records(made.records)) == {"db-1", "mail-1"}
    assert made.fleet.agent("mail-1").holder == "r1"
