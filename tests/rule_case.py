"""The form of a case for a rule over the graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DROP = object()
"""The value of a change that takes a field away."""

Changes = dict[str, Any]
"""Values by place, such as ``config_items/db-1/owner``."""


@dataclass(frozen=True)
class Case:
    """``bad`` gives one finding of ``rule``, at a line with ``line``, which ``says`` that; ``good`` gives none."""

    rule: str
    bad: Changes
    line: str
    says: str
    good: Changes = field(default_factory=dict)
