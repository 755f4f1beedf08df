"""What the runbooks say to type by hand, typed: it must do what the engine does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.lab.power import LabPower
from drillbook.tasks.wiring import plan_of
from tests.harness import ENVIRONMENT, FAILBACK, FAILOVER, PAIR, SWITCHOVER, Pair, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.plan.model import Hand

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.hosts.close()


def hands(pair: Pair, runbook: str, **parameters: str) -> list[Hand]:
    plan = plan_of(pair.estate, runbook, environment=ENVIRONMENT, parameters={"pair": PAIR, **parameters})
    return [hand for step in plan.steps for hand in step.by_hand]


def type_it(pair: Pair, hand: Hand) -> int:
    """Type one line at a console, as root in its home folder; give the exit code."""
    assert hand.item is not None
    assert isinstance(hand.do, str)
    return pair.hosts[hand.item].run(["/bin/bash", "-c", hand.do], timeout=60).exit_code


def role(pair: Pair, item: str) -> Any:
    return {name: pair.state()[item][name] for name in ("role", "holds_address", "unit")}


PRIMARY = {"role": "primary", "holds_address": True, "unit": "active"}
STANDBY = {"role": "standby", "holds_address": False, "unit": "active"}


def test_a_switchover_by_hand(pair: Pair) -> None:
    with Writer(pair) as writer:
        for hand in hands(pair, SWITCHOVER):
            assert type_it(pair, hand) == 0, hand.do
    assert writer.problems == []
    assert role(pair, pair.second) == PRIMARY
    assert role(pair, pair.first) == STANDBY
    pair.run(SWITCHOVER, primary=pair.second)


def test_a_failover_and_the_rebuilding_by_hand(pair: Pair) -> None:
    def looks(hand: Hand) -> bool:
        return isinstance(hand.do, str) and hand.do.startswith("timeout 2 bash -c")

    with Writer(pair) as writer:
        before = [hand for hand in hands(pair, FAILOVER) if looks(hand)]
        assert [type_it(pair, hand) for hand in before] == [0], "a primary that is alive must be told from a dead one"
        pair.kill(pair.first)
        for hand in hands(pair, FAILOVER):
            if looks(hand):
                assert type_it(pair, hand) != 0
            elif hand.item is not None:
                assert type_it(pair, hand) == 0, hand.do
    assert writer.problems == []
    assert role(pair, pair.second) == PRIMARY
    LabPower(pair.first).on()
    for _ in range(100):
        if not pair.hosts.open([pair.first]):
            break
        time.sleep(0.1)
    plan = plan_of(pair.estate, FAILBACK, environment=ENVIRONMENT, parameters={"pair": PAIR})
    for step in plan.steps:
        if step.id.startswith("switch-back"):
            break
        for hand in step.by_hand:
            if hand.item is not None:
                assert type_it(pair, hand) == 0, hand.do
    assert role(pair, pair.first) == STANDBY
    pair.run(SWITCHOVER, primary=pair.second)
    assert role(pair, pair.first) == PRIMARY
