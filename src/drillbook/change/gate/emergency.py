"""Break-glass as debt: what was done before anybody read it, who has read it since, and when it is too often. Pure.

An emergency is known from its record in ``changes/`` or from the ledger; losing the one does not hide it from the
other. What only hosts have written down is found when a run has connected to them. It is owed until a person who may
approve, and who did not run it, signs a review, accepting or rejecting it. So nobody can block others for good, and
nobody can work off the record. What it
changed, or that it changed nothing, is for the reviewer to find: the word of who ran it settles nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from drillbook.change.records.model import time_text
from drillbook.change.trust.approval import AHEAD, valid_approvals, verify_request
from drillbook.change.trust.authority import holders
from drillbook.change.trust.case import services_of
from drillbook.change.trust.rules import emergencies
from drillbook.errors import Refused
from drillbook.ledger.entries import NAMESPACE
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, timedelta

    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.change.trust.case import Case
    from drillbook.cmdb.model import Cmdb
    from drillbook.ledger.entries import SignedEntry

_NO_TIER = 99
_LEAST_REASON = 8  # letters: "because" says nothing


@dataclass(frozen=True, slots=True)
class Emergency:
    """An emergency change that began.

    ``services`` and ``items``: ids of what it could interrupt and of what it touched. ``known_from``: changes/ or the
    ledger. ``reviewed_by``: the id of who has settled it, "" while it is owed. ``plan``: the plan's digest;
    two people without a remote may have given one id to two emergencies, and reviewing one settles only that.
    """

    change: str
    plan: str
    environment: str
    services: tuple[str, ...]
    items: tuple[str, ...]
    executor: str
    at: datetime
    reason: str
    known_from: str
    reviewed_by: str = ""

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.change} by {visible(self.executor, limit=64)} in {visible(self.environment, limit=64)}, "
            f"{time_text(self.at)}: {visible(self.reason, limit=100)}"
        )


def known_emergencies(
    records: Iterable[ChangeRecord],
    entries: Iterable[SignedEntry],
    base: Base,
    *,
    at: datetime,
) -> tuple[Emergency, ...]:
    """Give every emergency that is known, oldest first, each once.

    Args:
        records: the changes of the work tree, and those of the base.
        entries: the ledger's, as far as it was fetched.
        base: the trusted base. What nobody of it has signed is not counted: a file alone is no debt.
        at: now.
    """
    found: dict[tuple[str, str, str], Emergency] = {}

    def take(each: Emergency) -> None:
        key = (each.change, each.executor, each.plan)
        found[key] = _joined(found[key], each) if key in found else each

    for record in records:
        emergency = _of_record(record, base, at)
        if emergency is not None:
            take(emergency)
    for signed in entries:
        entry = signed.entry
        if entry.type != "emergency" or entry.repository != base.repository:
            continue
        # Somebody whose break-glass the gate lets nobody begin could else hold up others by telling of one.
        if entry.executor not in holders(emergencies(base.cmdb).run_by, base.cmdb) or not _is_signed(signed, base):
            continue
        take(
            Emergency(
                entry.change, entry.plan, entry.environment, entry.services, entry.items, entry.executor,
                entry.moment, entry.reason, "the ledger",
            )
        )  # fmt: skip
    settled = emergencies(base.cmdb).settled if found else frozenset()
    return tuple(
        replace(each, reviewed_by=each.reviewed_by or ("the policy emergencies" if each.change in settled else ""))
        for each in sorted(found.values(), key=lambda each: (each.at, each.change))
    )


def _joined(known: Emergency, other: Emergency) -> Emergency:
    """Put together what two sources say of one emergency: it touched what either says."""
    return replace(
        known,
        services=tuple(dict.fromkeys([*known.services, *other.services])),
        items=tuple(dict.fromkeys([*known.items, *other.items])),
        reviewed_by=known.reviewed_by or other.reviewed_by,
    )


def _of_record(record: ChangeRecord, base: Base, at: datetime) -> Emergency | None:
    request = record.request
    if request.type != "emergency":
        return None
    try:
        verify_request(record, base)
    except Refused:
        return None
    plan = record.bound.plan if record.bound is not None else None
    return Emergency(
        change=record.id,
        plan=plan.digest if plan is not None else "",
        environment=request.subject.environment,
        services=services_of(plan, base.cmdb) if plan is not None else (),
        items=tuple(sorted(plan.targets)) if plan is not None else (),
        executor=request.requested_by,
        at=request.requested_at,
        reason=request.reason,
        known_from="changes/",
        reviewed_by=_reviewer(record, base, at),
    )


def _reviewer(record: ChangeRecord, base: Base, at: datetime) -> str:
    """Give who has reviewed an emergency; "" when nobody has. A review counts as of its own day: people leave."""
    may = set(reviewers(base.cmdb, record.request.requested_by))
    for review in record.approvals:
        if review.what != "review" or review.approver not in may or review.approved_at > at + AHEAD:
            continue
        if review.approver in valid_approvals(record, base, at=review.approved_at, what="review").by:
            return review.approver
    return ""


def _is_signed(signed: SignedEntry, base: Base) -> bool:
    entry = signed.entry
    try:
        base.signers.verify(signed.raw, signed.signature, namespace=NAMESPACE, person=entry.executor, at=entry.moment)
    except Refused:
        return False
    return True


def reviewers(cmdb: Cmdb, executor: str) -> tuple[str, ...]:
    """Give the ids of those who may review an emergency of ``executor``."""
    return tuple(person for person in holders(emergencies(cmdb).approved_by, cmdb) if person != executor)


def owed(known: Iterable[Emergency]) -> tuple[Emergency, ...]:
    """Give those that nobody has reviewed."""
    return tuple(each for each in known if not each.reviewed_by)


def require_no_debt(case: Case, known: Iterable[Emergency], cmdb: Cmdb) -> None:
    """Raises Refused when an emergency that is not reviewed is about a service or an item of the case."""
    for each in owed(known):
        shared = _strongest(case, each, cmdb) or sorted(set(each.items) & set(case.items))
        if not shared:
            continue
        where = "" if each.known_from == "changes/" else f" (known from {each.known_from}: git pull brings its record)"
        raise Refused(
            f"an emergency change of the same {'service' if shared[0] in case.services else 'item'} "
            f"({visible(shared[0], limit=64)}) is not reviewed yet: {each}{where}",
            remedy=f"one of {', '.join(reviewers(cmdb, each.executor)) or 'nobody'} reviews it, accepting or "
            f'rejecting: ./inv changes.approve {each.change} --verdict accepted --reason "…"',
        )


def _strongest(case: Case, each: Emergency, cmdb: Cmdb) -> list[str]:
    """Give the services of both: the strongest tier first, and in a tier what the plan names first."""
    tiers = {service.id: int(service.get("tier")) for service in cmdb.services}
    shared = [id_ for id_ in case.services if id_ in each.services]
    return sorted(shared, key=lambda id_: tiers.get(id_, _NO_TIER))


def require_below_cap(known: Iterable[Emergency], executor: str, environment: str, cmdb: Cmdb, *, at: datetime) -> None:
    """Raises Refused when a person used break-glass in an environment as often as policy allows, come of it what may.

    Each person has a count of their own, so that nobody uses up that of others.
    """
    policy = emergencies(cmdb)
    lately = [
        each
        for each in known
        if (each.executor, each.environment) == (executor, environment) and each.at > at - policy.within
    ]
    if len(lately) < policy.at_most:
        return
    raise Refused(
        f"{executor} used break-glass {len(lately)} times in {environment} within {_days(policy.within)}, "
        f"and {policy.at_most} is the most that policy allows a person: {'; '.join(str(each) for each in lately)}",
        remedy="a normal change, approved, is the way (./inv changes.new, changes.approve); or somebody else runs it",
    )


def require_reason(reason: str) -> str:
    """Give the reason as it is recorded. Raises Refused for one that says nothing or would not print as it is."""
    text = " ".join(reason.split())
    if forbidden_character(text) is not None:
        raise Refused("the reason has a character that could make it read as something else; type it in plain text")
    if sum(char.isalnum() for char in text) < _LEAST_REASON:
        raise Refused(
            "break-glass needs a reason that others can understand",
            remedy='--reason "db-1 answers nobody since 02:10, fund accounting stands"',
        )
    return text


def debt_lines(known: Sequence[Emergency], cmdb: Cmdb, *, at: datetime) -> list[str]:
    """Give a line for each emergency that is owed, and one when break-glass becomes routine."""
    if not known:
        return []
    policy = emergencies(cmdb)
    lines = []
    for each in owed(known):
        late = at - each.at > policy.review_within
        lines.append(f"{'OVERDUE' if late else 'owed'}: review of {each}  → ./inv changes.approve {each.change}")
    lately = [each for each in known if each.at > at - policy.within]
    if len(lately) >= policy.at_most:
        lines.append(
            f"break-glass was used {len(lately)} times within {_days(policy.within)}: what is done so often should "
            "be a standard change, approved beforehand"
        )
    return lines


def _days(span: timedelta) -> str:
    return f"{span.total_seconds() / 86400:g} days"
