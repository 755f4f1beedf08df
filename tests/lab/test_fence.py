"""The proof of fencing on real hosts: what refutes it, and what is no evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from drillbook.clock import SystemClock
from drillbook.errors import FencingNotProved
from drillbook.execution.fence import fence, look
from drillbook.hosts.connection import HostConnection, Hosts
from drillbook.hosts.power import PowerState
from drillbook.lab.power import LabPower
from drillbook.plan.model import FenceRun
from tests.lab.engine_help import HOST, OTHER, Runner

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


class SaysOff:
    """A power control that says off and does nothing."""

    def state(self) -> PowerState:
        return PowerState.OFF

    def off(self) -> None:
        pass

    def on(self) -> None:
        pass


def prove(runner: Runner, port: int) -> dict[str, object]:
    target = runner.base.targets[HOST]
    hosts = {OTHER: HostConnection(runner.base.targets[OTHER], runner.around().access)}
    try:
        return fence(
            FenceRun(HOST, (OTHER,), (port,)),
            target=target, driver=SaysOff(), hosts=hosts, clock=SystemClock(), timeout=5,  # type: ignore[arg-type]
        )  # fmt: skip
    finally:
        hosts[OTHER].close()


def on_other(runner: Runner, script: str) -> None:
    connection = HostConnection(runner.base.targets[OTHER], runner.around().access)
    assert connection.run(["/bin/sh", "-c", script], timeout=10).exit_code == 0
    connection.close()


def test_an_answer_refutes_power_control(tmp_path: Path) -> None:
    with pytest.raises(FencingNotProved, match=f"{OTHER} still gets an answer from it on port 22"):
        prove(Runner(tmp_path), 22)


def test_silence_is_evidence_when_the_witness_can_see(tmp_path: Path) -> None:
    assert prove(Runner(tmp_path), 9)["witnesses"] == {OTHER: []}


def test_a_witness_that_cannot_look_is_no_evidence(tmp_path: Path) -> None:
    """Without its tool the witness sees nothing, also of a host that is alive: that is not silence."""
    runner = Runner(tmp_path)
    on_other(runner, "mv /usr/bin/timeout /usr/bin/timeout.away")
    try:
        with pytest.raises(FencingNotProved, match="no witness could look"):
            prove(runner, 22)
    finally:
        on_other(runner, "mv /usr/bin/timeout.away /usr/bin/timeout")


def test_a_witness_that_is_dead_itself_is_no_evidence_and_the_other_one_is(tmp_path: Path) -> None:
    """Also over a connection that was open when it lost its power: it has not said so."""
    runner = Runner(tmp_path)
    targets = {HOST: runner.base.targets[HOST], OTHER: runner.base.targets[OTHER]}
    opened, fresh = (Hosts(targets, runner.around().access) for _ in range(2))
    assert opened.open(targets) == {}
    power = LabPower(HOST)
    power.off()
    try:
        for hosts in (opened, fresh):
            seen = look(FenceRun(HOST, (HOST, OTHER), (22,)), targets[HOST], hosts)
            assert seen == {HOST: None, OTHER: []}
            hosts.close()
    finally:
        power.on()
