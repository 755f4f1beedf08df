"""Fencing by hand, as it is asked for: which host, and who is the second person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.change.trust.authority import holders
from drillbook.change.trust.rules import emergencies
from drillbook.errors import Refused, UsageError
from drillbook.execution.by_hand import FencedByHand
from drillbook.plan.model import FenceRun
from drillbook.signing.sign import find_signer
from drillbook.tasks.trusting import require_counting

if TYPE_CHECKING:
    from drillbook.plan.model import Plan
    from drillbook.tasks.trusting import Trusted


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed: the host that is off, "" for none, and the file of the second person's key."""

    item: str = ""
    witness: str = ""


def fenced_by_hand(asked: Asked, plan: Plan, trusted: Trusted, *, emergency: bool) -> FencedByHand | None:
    """Give who states what; None when nothing was asked for.

    Raises UsageError when half of it is missing or the plan fences no such host. Raises Refused without break-glass,
    and when the second person is the first, has no key that counts, or may neither run nor review break-glass.
    """
    if not asked.item and not asked.witness:
        return None
    if not asked.item or not asked.witness:
        raise UsageError(
            "fencing by hand takes two people: --fenced-by-hand HOST, and --witness FILE with the second one's key",
            remedy="give both, or leave both out",
        )
    if not emergency:
        raise Refused("fencing by hand is for break-glass alone", remedy="docs/fencing.md says what else there is")
    fenced = {step.action.item for step in plan.steps if isinstance(step.action, FenceRun)}
    if asked.item not in fenced:
        raise UsageError(
            f"{plan.runbook} does not fence '{asked.item[:60]}'",
            remedy=f"it fences: {', '.join(sorted(fenced)) or 'nothing'}",
        )
    base = trusted.base
    second = find_signer(base.signers, root=trusted.root, key=Path(asked.witness))
    require_counting(base, second)
    made = FencedByHand(asked.item, trusted.signer, second)
    policy = emergencies(base.cmdb)
    may = holders((*policy.run_by, *policy.approved_by), base.cmdb)
    if second.person not in may:
        raise Refused(
            f"{second.person} may neither run nor review break-glass, so their word does not count for {asked.item}",
            remedy=f"the second person is one of {', '.join(each for each in may if each != trusted.signer.person)}",
        )
    return made
