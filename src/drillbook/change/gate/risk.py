"""How much can go wrong, when nobody said it: a rule of three lines, and the reason in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from drillbook.change.trust.authority import rules_for
from drillbook.change.trust.case import case_of
from drillbook.errors import Refused

if TYPE_CHECKING:
    from drillbook.change.records.model import ChangeRecord
    from drillbook.cmdb.model import Cmdb
    from drillbook.plan.model import Plan

Risk = Literal["low", "medium", "high"]
_MATTERS = 2  # the weakest tier whose interruption is more than a low risk
_MANY = 2  # approvals that a rule wants for what is a high risk


def risk_of(record: ChangeRecord, cmdb: Cmdb, *, proposed: Cmdb | None = None) -> tuple[Risk, str]:
    """Give the risk of a planned change, and why; ``proposed``: as in ``case.case_of``.

    Raises Refused when it is not planned, or no rule is about it.
    """
    case = case_of(record, cmdb, proposed=proposed)
    bound = record.bound
    if bound is not None and bound.plan is not None:
        return risk_of_plan(bound.plan, cmdb)
    files = len(bound.configuration.paths) if bound is not None and bound.configuration is not None else 0
    return risk_of_configuration(max(rule.approvals for rule in rules_for(case, cmdb)), files)


def require_no_less(said: str, risk: Risk, why: str) -> None:
    """Raises Refused when somebody says a lower risk than it is: who approves goes by that word."""
    order: tuple[str, ...] = get_args(Risk)
    if order.index(said) < order.index(risk):
        raise Refused(
            f"the request says that its risk is {said}, and it is {risk}: {why}",
            remedy="leave --risk out; only a higher one can be said",
        )


def risk_of_plan(plan: Plan, cmdb: Cmdb) -> tuple[Risk, str]:
    """Give the risk of a runbook's plan, and why.

    high: it can interrupt a service of tier 1, and a step cannot be undone. low: it can interrupt none of tier 1
    or 2, and every step can be undone. medium: all else. ``cmdb`` says the tiers.
    """
    tiers = {id_: int(cmdb.services[id_].get("tier")) for id_ in plan.services if id_ in cmdb.services}
    strongest = min(tiers.values(), default=None)
    final = [step.id for step in plan.steps if step.undo.irreversible is not None]
    why = []
    if strongest is not None:
        count = sum(1 for tier in tiers.values() if tier == strongest)
        why.append(f"it can interrupt {count} service{'s' if count != 1 else ''} of tier {strongest}")
    else:
        why.append("it can interrupt no service")
    if final:
        more = f" and {len(final) - 1} more" if len(final) > 1 else ""
        why.append(f"{final[0]}{more} cannot be undone")
    else:
        why.append("every step can be undone")
    risk: Risk = "medium"
    if strongest == 1 and final:
        risk = "high"
    elif not final and (strongest is None or strongest > _MATTERS):
        risk = "low"
    return risk, ", ".join(why)


def risk_of_configuration(approvals: int, paths: int) -> tuple[Risk, str]:
    """Give the risk of a configuration change, and why: as many people must read it as the policy thinks it worth.

    ``approvals``: the most that one rule wants; ``paths``: how many files change.
    """
    why = f"{paths} file{'s' if paths != 1 else ''}, for which a rule wants {approvals} approval"
    return ("high" if approvals >= _MANY else "medium"), why + ("s" if approvals != 1 else "")
