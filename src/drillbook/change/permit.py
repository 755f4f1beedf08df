"""May this plan run? The one gate before a packet is sent; it fails closed.

Runs in an environment of kind ``lab`` are standard changes: permitted, and logged like all others.
Every other environment needs an approved change, and there is no way to give one yet: refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import Refused

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb
    from drillbook.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Permission:
    """That the plan of this digest may run, and as which type of change (standard, normal, emergency)."""

    plan_digest: str
    change_type: str


def permit(plan: Plan, cmdb: Cmdb) -> Permission:
    """Give the permission, or raise Refused with the reason."""
    kind = cmdb.environments[plan.environment].get("kind")
    if kind != "lab":
        raise Refused(
            f"environment {plan.environment} is {kind}: nothing runs there without an approved change, "
            "and approving changes is not built yet",
            remedy="./inv runbooks.plan shows what would run; without --env it rehearses on the lab's hosts",
        )
    return Permission(plan_digest=plan.digest, change_type="standard")
