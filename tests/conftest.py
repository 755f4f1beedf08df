"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# No test is timed: on a machine that has much to do, none fails for that.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
