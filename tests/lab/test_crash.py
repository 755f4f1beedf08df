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


@pytest.mark.parametrize(
    ("runbook", "sample", "twice", "back"),
    [
        (SWITCHOVER, 1, 1, 1),
        (FAILOVER, 2, 0, 0),
        (FAILBACK, 1, 1, 0),
        (PROMOTION, 0, 1, 0),
        (STANDBY_FAILBACK, 0, 1, 0),
    ],
)
def test_a_killed_engine_goes_on_to_the_end_state_that_is_due(runbook: str, sample: int, twice: int, back: int) -> None:
    rounds = list(
        Campaign(subject_of(runbook)).rounds(runbook, sample, random.Random(20261122), twice=twice, back=back)
    )
    assert [each.problems for each in rounds] == [()] * (1 + sample + twice + back)


def test_a_host_that_comes_back_in_a_promotion_never_answers_beside_the_spare() -> None:
    rounds = list(SplitBrain().rounds(2, random.Random(20261122)))
    assert [each.problems for each in rounds] == [(), ()]
    assert sum(each.back for each in rounds) > 0
