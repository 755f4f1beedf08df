"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# No test is timed: on a machine that has much to do, none fails for that. In continuous integration generated examples
# are the same each time, so that a commit passes or fails for what it changes; everywhere else they are new ones.
settings.register_profile("ours", deadline=None, derandomize=os.environ.get("CI") == "true")
settings.load_profile("ours")

# Commands that tests start keep what Python compiled, as those do that people type.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
