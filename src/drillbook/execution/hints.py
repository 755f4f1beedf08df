"""Commands that a text proposes, so that they work as they are printed: with the key that was named. Pure."""

from __future__ import annotations

import re
import shlex

_SIGNED = re.compile(
    r"\./inv (?:runbooks\.(?:resume|rollback|abandon)|changes\.close) [A-Za-z0-9](?:[\w.-]*\w)?(?![\w.-]*\w)(?! --key)"
)


def with_key(text: str, key: str) -> str:
    """Give a text in which the commands that go on with a run name the key's file; ``key``: "" when none was named."""
    return _SIGNED.sub(lambda found: f"{found[0]} --key {shlex.quote(key)}", text) if key else text
