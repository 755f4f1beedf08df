"""Approvals: who signed exactly this plan, for this change, environment and repository, and whether it still counts.

The signed bytes are the approval's file. It says {repository, change, digest of plan.json, environment, expiry}, so
that it fits nothing else. Whether the person may approve, and how many are needed, is in ``change.trust.authority``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from drillbook.change.records.model import (
    APPROVAL_NAMESPACE,
    FORMAT,
    REQUEST_NAMESPACE,
    RESULT_NAMESPACE,
    time_text,
)
from drillbook.change.records.strict import encoded
from drillbook.errors import Refused
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from drillbook.change.records.model import Approval, ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.signing.keys import SigningKey

AHEAD = timedelta(minutes=5)
"""How far two people's clocks may differ: what was signed later than that from now was signed by a wrong clock."""


@dataclass(frozen=True, slots=True)
class Approved:
    """``by``: approvals that count, by person. ``refused``: why another one does not, by person."""

    by: Mapping[str, Approval]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Signed:
    """What somebody signed: the bytes, the signature, for what, who, and when they say that it was."""

    raw: bytes
    signature: bytes
    namespace: str
    person: str
    at: datetime


def verify_request(record: ChangeRecord, base: Base, *, at: datetime | None = None) -> SigningKey:
    """Prove who asked for a change, and that it was in this repository.

    Args:
        record: the change.
        base: the trusted base, whose keys count.
        at: a moment at which the key must count too, beside the one at which it was asked; now, before a run.

    Returns:
        The requester's key.

    Raises:
        Refused: with the reason.
    """
    request = record.request
    if request.repository != base.repository:
        raise Refused(
            f"{record.id} was requested in another repository ({request.repository[:12]}; this is "
            f"{base.repository[:12]})",
            remedy="make a new change here: ./inv changes.new",
        )
    signed = _Signed(request.raw, record.request_sig, REQUEST_NAMESPACE, request.requested_by, request.requested_at)
    return _verified(base, signed, at)


def verify_result(record: ChangeRecord, base: Base) -> SigningKey:
    """Prove who closed a change. Raises Refused: it is not closed, or the signature is not theirs."""
    result = record.result
    if result is None:
        raise Refused(f"{record.id} is not closed", remedy=f"./inv changes.close {record.id}")
    signed = _Signed(result.raw, result.signature, RESULT_NAMESPACE, result.closed_by, result.closed_at)
    return _verified(base, signed, None)


def valid_approvals(
    record: ChangeRecord, base: Base, *, at: datetime, what: Literal["approval", "review"] = "approval"
) -> Approved:
    """Tell which of a change's approvals count at a moment, and why the others do not.

    Args:
        record: the change.
        base: the trusted base, whose keys count.
        at: the moment.
        what: approval, or review (of an emergency); the others are not looked at.

    Raises:
        Refused: the request itself is not signed as it must be; then there is nothing to approve.
    """
    requester = verify_request(record, base)
    by: dict[str, Approval] = {}
    refused: dict[str, str] = {}
    keys: dict[str, str] = {requester.key: f"{requester.person}, who asked for it"}
    for approval in record.approvals:
        if approval.what != what:
            continue
        try:
            key = _counting(approval, record, base, at)
            if key.key in keys:
                raise Refused(f"it was signed with the same key as that of {keys[key.key]}")
        except Refused as error:
            refused[approval.approver] = error.message
            continue
        keys[key.key] = approval.approver
        by[approval.approver] = approval
    return Approved(by, refused)


def _counting(approval: Approval, record: ChangeRecord, base: Base, at: datetime) -> SigningKey:
    """Give the key of an approval that counts. Raises Refused: why it does not."""
    bound = record.bound
    if bound is None:
        raise Refused("there is no plan that it could be for")
    if approval.approver == record.request.requested_by:
        raise Refused("who asks for a change does not approve it")
    if approval.repository != base.repository:
        raise Refused(f"it is for another repository ({approval.repository[:12]})")
    if approval.change != record.id:
        raise Refused(f"it is for another change ({visible(approval.change)})")
    if approval.environment != bound.environment:
        raise Refused(f"it is for another environment ({visible(approval.environment) or 'none'})")
    if approval.digest != bound.digest:
        raise Refused(f"it is for another plan ({approval.digest[:19]}…; this one is {bound.digest[:19]}…)")
    if approval.approved_at > at + AHEAD:
        raise Refused(f"it was given at {time_text(approval.approved_at)}, which is later than now: a clock is wrong")
    if approval.approved_at + AHEAD < record.request.requested_at:
        raise Refused("it was given before the change was asked for: a clock is wrong")
    if approval.what == "approval" and approval.expires <= at:  # a review settles a debt for good
        raise Refused(f"it expired at {time_text(approval.expires)}")
    signed = _Signed(approval.raw, approval.signature, APPROVAL_NAMESPACE, approval.approver, approval.approved_at)
    return _verified(base, signed, at)


def _verified(base: Base, signed: _Signed, at: datetime | None) -> SigningKey:
    # A stolen key can sign with any date, so it must count now too; and a new key signs nothing in the past.
    if at is not None:
        base.signers.verify(signed.raw, signed.signature, namespace=signed.namespace, person=signed.person, at=at)
    return base.signers.verify(
        signed.raw, signed.signature, namespace=signed.namespace, person=signed.person, at=signed.at
    )


def approval_bytes(
    record: ChangeRecord, approver: str, *, at: datetime, expires: datetime, verdict: str = "", reason: str = ""
) -> bytes:
    """Give the bytes of an approval of a change's plan as it is; with a verdict, of a review of an emergency.

    A review does not expire; ``expires`` is then the time at which it was given.

    Raises Refused when there is no plan.
    """
    if record.bound is None:
        raise Refused(f"{record.id} is not planned yet", remedy=f"./inv changes.plan {record.id}")
    value = {
        "format": FORMAT,
        "what": "review" if verdict else "approval",
        "repository": record.request.repository,
        "change": record.id,
        "digest": record.bound.digest,
        "environment": record.bound.environment,
        "approver": approver,
        "approved_at": time_text(at),
        "expires": time_text(expires),
    }
    return encoded({**value, "verdict": verdict, "reason": reason} if verdict else value)
