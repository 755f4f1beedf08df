"""A sample of the crash campaign: kill -9 of the engine after records of each runbook, then resume."""

from __future__ import annotations

import random

import pytest

from tests.crash.campaign import Campaign
from tests.crash.subjects import subject_of
from tests.harness import FAILBACK, FAILOVER, SWITCHOVER

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


@pytest.mark.parametrize(
    ("runbook", "sample", "twice", "back"), [(SWITCHOVER, 1, 1, 1), (FAILOVER, 2, 0, 0), (FAILBACK, 1, 1, 0)]
)
def test_a_killed_engine_goes_on_to_the_end_state_that_is_due(runbook: str, sample: int, twice: int, back: int) -> None:
    rounds = list(
        Campaign(subject_of(runbook)).rounds(runbook, sample, random.Random(20261122), twice=twice, back=back)
    )
    assert [each.problems for each in rounds] == [()] * (1 + sample + twice + back)
