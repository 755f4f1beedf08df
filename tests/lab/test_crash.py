"""A sample of the crash campaign: kill -9 of the engine after records of each runbook, then resume."""

from __future__ import annotations

import random

import pytest

from tests.crash.campaign import Campaign
from tests.harness import FAILBACK, FAILOVER, SWITCHOVER

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]


@pytest.mark.parametrize(("runbook", "sample"), [(SWITCHOVER, 4), (FAILOVER, 3), (FAILBACK, 3)])
def test_a_killed_engine_resumes_to_the_same_end_state(runbook: str, sample: int) -> None:
    rounds = list(Campaign().rounds(runbook, sample, random.Random(20261122)))
    assert [each.problems for each in rounds] == [()] * (sample + 1)
