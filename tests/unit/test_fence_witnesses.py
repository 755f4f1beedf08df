"""Which witnesses of a fence are waited for: one that is dead itself is not, and no other is heard less for that."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from drillbook.errors import OutcomeUnknown, Refused
from drillbook.execution.fence import LOOK_SECONDS, look
from drillbook.hosts.connection import PRESENT_SECONDS, Completed, HostConnection, Hosts
from drillbook.plan.model import FenceRun, PowerControl, Target

if TYPE_CHECKING:
    from drillbook.hosts.access import Access

TARGET = Target("db-1", "10.0.0.1", 22, "root", PowerControl("lab", {}))
FULL = LOOK_SECONDS + 3


@dataclass
class Witness:
    """A host that looks. ``takes``: seconds until it answers, None: never. ``asked``: the time that it was given."""

    item: str
    takes: float | None
    present: bool | None
    is_open: bool
    ports: str = ""
    asked: list[float] = field(default_factory=list)

    @property
    def target(self) -> Target:
        return replace(TARGET, item=self.item)

    def is_present(self) -> bool:
        if self.present is None:
            raise Refused("nothing permits it")
        return self.present

    def run(self, _argv: list[str], *, timeout: float) -> Completed:
        self.asked.append(timeout)
        if self.takes is None or self.takes > timeout:
            raise OutcomeUnknown(f"{self.item}: no result after {timeout} s")
        return Completed(0, self.ports + "looked\n", "", self.takes)


def looked(*witnesses: Witness) -> dict[str, list[int] | None]:
    hosts: Any = {each.item: each for each in witnesses}
    return look(FenceRun("db-1", tuple(hosts), (5432, 22)), TARGET, hosts)


def fine() -> Witness:
    return Witness("db-2", 0.1, present=True, is_open=True)


@pytest.mark.parametrize("present", [False, None])
@pytest.mark.parametrize("is_open", [False, True])
def test_a_dead_witness_is_not_waited_for_when_another_has_looked(present: bool | None, is_open: bool) -> None:
    dead = Witness("mon", None, present, is_open)
    assert looked(fine(), dead) == {"db-2": [], "mon": None}
    assert dead.asked == ([PRESENT_SECONDS] if is_open else [])


def test_where_no_other_has_looked_it_gets_its_full_time() -> None:
    """Its network may be slow: what it sees then is all that there is."""
    slow = Witness("mon", 2.0, present=False, is_open=True, ports="22\n")
    assert looked(slow, Witness("db-2", None, present=True, is_open=False)) == {"mon": [22], "db-2": None}
    assert slow.asked == [PRESENT_SECONDS, FULL]


@pytest.mark.parametrize("is_open", [False, True])
def test_a_slow_witness_that_is_there_is_heard(is_open: bool) -> None:
    slow = Witness("mon", 3.0, present=True, is_open=is_open, ports="5432\n")
    assert looked(fine(), slow) == {"db-2": [], "mon": [5432]}
    assert slow.asked[-1] == FULL


def test_one_that_takes_no_new_connection_is_heard_over_the_one_that_is_open() -> None:
    behind_a_wall = Witness("mon", 1.0, present=False, is_open=True, ports="22\n")
    assert looked(fine(), behind_a_wall)["mon"] == [22]


def test_dead_witnesses_alone_are_no_proof() -> None:
    assert looked(*(Witness(name, None, present=False, is_open=False) for name in ("db-2", "mon"))) == {
        "db-2": None, "mon": None,
    }  # fmt: skip


def connection(port: int) -> HostConnection:
    permission = SimpleNamespace(require=lambda *_: None)
    target = replace(TARGET, address="127.0.0.1", ssh_port=port)
    return HostConnection(target, cast("Access", SimpleNamespace(permission=permission)))


def test_a_host_is_present_when_it_accepts_or_refuses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert connection(port).is_present()
    assert connection(port).is_present()  # nobody listens any more, and its kernel says so


def test_a_host_that_nothing_permits_gets_no_packet() -> None:
    def refuse(*_: str) -> None:
        raise Refused("not this one")

    asked = HostConnection(TARGET, cast("Access", SimpleNamespace(permission=SimpleNamespace(require=refuse))))
    with pytest.raises(Refused, match="not this one"):
        asked.is_present()


def test_hosts_that_may_be_away_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(HostConnection, "open", lambda self: opened.append(self.target.item))
    monkeypatch.setattr(HostConnection, "is_present", lambda self: self.target.item != "away")
    targets = {name: replace(TARGET, item=name) for name in ("needed", "there", "away")}
    hosts = Hosts(targets, cast("Access", SimpleNamespace()))
    assert hosts.open({"needed"}, perhaps=targets) == {}
    assert sorted(opened) == ["needed", "there"]
