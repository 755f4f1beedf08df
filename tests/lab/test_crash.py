"""A sample of the crash campaign: kill -9 of the engine after records of each runbook, then resume."""

from __future__ import annotations

import random

import pytest

from tests.crash.campaign import Campaign
from tests.crash.split_brain import SplitBrain
from tests.crash.standby_subject import FAILBACK as STANDBY_FAILBACK
from tests.crash.standby_subject import PROMOTION
from tests.crash.subjects import subject_of
from tests.harness import FAILBACK, FAILOVER, SWITCHOVER

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


def test_an_engine_that_is_killed_goes_on_forward_or_back() -> None:
    """Killed in the run and in the resume, and in a run and in its rollback."""
    rounds = list(Campaign(subject_of(SWITCHOVER)).rounds(SWITCHOVER, 0, random.Random(20261122), twice=1, back=1))
    assert [each.problems for each in rounds] == [(), (), ()]
    assert all(each.kills for each in rounds[1:])


@pytest.mark.parametrize(("there", "back"), [(FAILOVER, FAILBACK), (PROMOTION, STANDBY_FAILBACK)])
def test_a_killed_engine_goes_on_to_the_end_state_that_is_due(there: str, back: str) -> None:
    rounds = list(Campaign(subject_of(there)).there_and_back(there, back, random.Random(20261122)))
    assert [each.problems for each in rounds] == [(), (), (), ()]
    assert [each.kills > 0 for each in rounds] == [False, False, True, True]


def test_a_host_that_comes_back_in_a_promotion_never_answers_beside_the_spare() -> None:
    [found] = SplitBrain().rounds(1, random.Random(20261122), skip=1)
    assert found.problems == ()
    assert found.back > 0
