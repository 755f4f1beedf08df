"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# No test is timed: on a machine that has much to do, none fails for that. Otherwise the profile is Hypothesis's own,
# which makes the same examples each time where CI is set.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Commands that tests start keep what Python compiled, as those do that people type.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
