"""The one gate before a packet is sent. It fails closed, and only it makes a Permission.

A Permission names the hosts that may be reached, by item and address, and connections are opened with one alone
(``hosts.access.Access``). Three things get one: the hosts that this machine's lab made; a plan that is the plan of
an approved change; a plan in break-glass. All that is asked here is asked of the trusted base.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from drillbook.change.gate.conditions import Around, counting_approvals, require_same, runnable, why_not_now
from drillbook.change.gate.emergency import require_below_cap, require_no_debt, require_reason
from drillbook.change.records.window import why_frozen
from drillbook.change.trust.approval import verify_request
from drillbook.change.trust.authority import may_request, may_run
from drillbook.change.trust.case import case_of
from drillbook.change.trust.identity import (
    LabHost,
    kind_of,
    require_known_hosts,
    require_lab_hosts,
    require_lab_in,
    require_real,
)
from drillbook.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.cmdb.model import Cmdb
    from drillbook.plan.model import Plan


@dataclass(frozen=True, slots=True)
class Permission:
    """That the plan of this digest may run on these hosts.

    ``plan_digest``: "" for the upkeep of the lab's hosts, for which there is no plan. ``change_type``: standard,
    normal or emergency. ``hosts``: addresses by item. ``change``: the change's id, "" in the lab. ``executor``: the
    person's id; ``base`` and ``repository``: commits. ``approved_by``: ids of people. ``deviations``: what is not
    as it should be and was let through, one sentence each. ``reason``: why, in break-glass.
    """

    plan_digest: str
    change_type: str
    hosts: Mapping[str, str]
    change: str = ""
    executor: str = ""
    base: str = ""
    repository: str = ""
    approved_by: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()
    reason: str = ""

    def require(self, item: str, address: str) -> None:
        """Raises Refused when a host is not among those that may be reached."""
        if self.hosts.get(item) != address:
            raise Refused(
                f"nothing permits a connection to {item} at {address}; no packet was sent",
                remedy="./inv changes.new begins a change that would",
            )


def require_lab(environment: str, kind: str) -> None:
    """Raises Refused when an environment of a kind is not the lab's: there, it takes a change to run anything."""
    if kind != "lab":
        raise Refused(
            f"environment {environment} is {kind}: nothing runs there without an approved change",
            remedy=f"./inv changes.new --runbook … --env {environment} … requests one; what cannot wait: "
            "runbooks.run … --emergency --reason; ./inv runbooks.plan shows what would run",
        )


def permit_lab(plan: Plan, hosts: Mapping[str, LabHost], *, base: Cmdb | None = None) -> Permission:
    """Permit a plan on hosts of the lab: a standard change for which nobody is asked.

    Args:
        plan: what would run.
        hosts: by item, the hosts that this machine's lab made, as its own state has them.
        base: the trusted base's CMDB, where there is one.

    Raises Refused when the environment is not of kind lab, when a target is not one of these hosts to the letter,
    and when the base knows an address or a key as that of another environment.
    """
    require_lab(plan.environment, kind_of(plan))
    require_lab_hosts(plan, hosts)
    if base is not None:
        require_lab_in(base, plan, hosts)
    return Permission(
        plan_digest=plan.digest,
        change_type="standard",
        hosts=_hosts(plan),
    )


def permit_lab_hosts(hosts: Mapping[str, LabHost]) -> Permission:
    """Permit to reach the lab's hosts without a plan: to make them, mend them, and measure on them."""
    for item, host in hosts.items():
        require_real(item, host.address)
    return Permission(
        plan_digest="",
        change_type="standard",
        hosts=MappingProxyType({item: host.address for item, host in hosts.items()}),
    )


def permit_change(record: ChangeRecord, executor: str, around: Around, *, would_run: bytes) -> Permission:
    """Permit an approved change.

    Args:
        record: the change.
        executor: the id of the person whose key runs it.
        around: see there.
        would_run: the bytes of plan.json, made anew from the base's export.

    Raises:
        Refused: with the reason, whatever is not as it must be; then no packet was sent.
    """
    base, at = around.base, around.at
    plan, bound = runnable(record)
    verify_request(record, base, at=at)
    require_same(record, bound, would_run)
    case = case_of(record, base.cmdb)
    may_request(record.request.requested_by, case, base.cmdb)
    may_run(executor, case, base.cmdb)
    approved_by = counting_approvals(record, base, case, executor, at)
    for refusal in (
        why_not_now(record, case, around),
        why_frozen(base.cmdb, plan.environment, at=at, zone=around.zone),
    ):
        if refusal is not None:
            raise refusal
    require_no_debt(case, around.known, base.cmdb)
    require_known_hosts(plan, base.cmdb, around.lab)
    return _permission(plan, record, executor, base, approved_by=approved_by)


def permit_again(record: ChangeRecord, executor: str, around: Around, *, plan: Plan, began: datetime) -> Permission:
    """Permit to go on with a run of a change that was permitted when it began: what is half done must not stay so.

    A window that is over, an approval that has expired since, a freeze that has begun: let through, and told in
    the permission's deviations.

    Args:
        record: the change.
        executor: the id of the person who goes on with it.
        around: see there; emergencies that are owed do not matter.
        plan: the run's, from its folder.
        began: when it was opened, by its journal.

    Raises:
        Refused: the plan is not the change's, or the person may not run it.
    """
    base, at = around.base, around.at
    if record.bound is None or record.bound.plan is None or record.bound.plan.digest != plan.digest:
        raise Refused(f"the plan of this run is not the plan of {record.id}; nothing was run")
    verify_request(record, base)
    case = case_of(record, base.cmdb)
    may_run(executor, case, base.cmdb)
    if record.request.type == "emergency":
        require_known_hosts(plan, base.cmdb, around.lab)
        return _permission(plan, record, executor, base)
    deviations = []
    try:
        approved_by = counting_approvals(record, base, case, executor, at)
    except Refused as error:
        approved_by = counting_approvals(record, base, case, executor, min(began, at))
        deviations.append(f"resumed with approvals that counted when the run began, and not now: {error.message}")
    late = (why_not_now(record, case, around), why_frozen(base.cmdb, plan.environment, at=at, zone=around.zone))
    deviations += [f"resumed although {refusal.message}" for refusal in late if refusal is not None]
    require_known_hosts(plan, base.cmdb, around.lab)
    return _permission(plan, record, executor, base, approved_by=approved_by, deviations=tuple(deviations))


def permit_emergency(plan: Plan, change: str, executor: str, around: Around, *, reason: str) -> Permission:
    """Permit a plan in break-glass: nobody has read it, and the review is owed.

    Args:
        plan: from the work tree as it is. Its hosts must be those of the trusted base all the same.
        change: the id of the change that is opened for it.
        executor: the id of the person whose key runs it.
        around: see there.
        reason: why it cannot wait.

    Raises:
        Refused: with the reason; then no packet was sent.
    """
    base = around.base
    said = require_reason(reason)
    if kind_of(plan) == "lab":
        raise Refused(f"{plan.environment} is the lab: nothing there needs break-glass", remedy="leave --emergency out")
    case = case_of(plan, base.cmdb, change_type="emergency")
    may_run(executor, case, base.cmdb)
    require_below_cap(around.known, executor, plan.environment, base.cmdb, at=around.at)
    require_known_hosts(plan, base.cmdb, around.lab)
    freeze = why_frozen(base.cmdb, plan.environment, at=around.at, zone=around.zone)
    return Permission(
        plan_digest=plan.digest,
        change_type="emergency",
        hosts=_hosts(plan),
        change=change,
        executor=executor,
        base=base.commit,
        repository=base.repository,
        deviations=(freeze.message,) if freeze is not None else (),
        reason=said,
    )


def _permission(
    plan: Plan,
    record: ChangeRecord,
    executor: str,
    base: Base,
    *,
    approved_by: tuple[str, ...] = (),
    deviations: tuple[str, ...] = (),
) -> Permission:
    return Permission(
        plan_digest=plan.digest,
        change_type=record.request.type,
        hosts=_hosts(plan),
        change=record.id,
        executor=executor,
        base=base.commit,
        repository=base.repository,
        approved_by=approved_by,
        deviations=deviations,
        reason=record.request.reason,
    )


def _hosts(plan: Plan) -> Mapping[str, str]:
    return MappingProxyType({item: target.address for item, target in plan.targets.items()})


__all__ = [
    "Around", "LabHost", "Permission", "kind_of", "permit_again", "permit_change", "permit_emergency", "permit_lab",
    "permit_lab_hosts", "require_lab",
]  # fmt: skip
