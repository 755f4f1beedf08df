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
    ("runbook", "back"), [(SWITCHOVER, 1), (FAILOVER, 0), (FAILBACK, 0), (PROMOTION, 0), (STANDBY_FAILBACK, 0)]
)
def test_a_killed_engine_goes_on_to_the_end_state_that_is_due(runbook: str, back: int) -> None:
    """Killed in the run and in the resume; where all can be undone, in a run and in its rollback too."""
    rounds = list(Campaign(subject_of(runbook)).rounds(runbook, 0, random.Random(20261122), twice=1, back=back))
    assert [each.problems for each in rounds] == [()] * (2 + back)
    assert all(each.kills for each in rounds[1:])


def test_a_host_that_comes_back_in_a_promotion_never_answers_beside_the_spare() -> None:
    [found] = SplitBrain().rounds(1, random.Random(20261122), skip=1)
    assert found.problems == ()
    assert found.back > 0
