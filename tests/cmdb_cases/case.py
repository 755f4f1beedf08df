"""The form of a case for a rule over the graph, and what several cases use."""

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


SOME_TEXT = {"en": "Some", "zh": "某"}
SOME_ITEM = {"class": "host", "title": SOME_TEXT, "site": "hq", "owner": "ann"}
SOME_SERVICE = {"title": SOME_TEXT, "tier": 2, "rto": "1 h", "rpo": "1 h", "provided_by": [], "owner": "ann"}
