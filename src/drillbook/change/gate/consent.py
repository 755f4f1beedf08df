"""What must hold before a person is asked to sign: nothing is shown that is not what will run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.change.gate.emergency import reviewers
from drillbook.change.gate.propose import plan_again
from drillbook.change.gate.risk import require_no_less, risk_of
from drillbook.change.records.lifecycle import require_approvable
from drillbook.change.records.model import time_text
from drillbook.change.records.reading import read_bound
from drillbook.change.records.render import is_rendering
from drillbook.change.trust.approval import valid_approvals, verify_request
from drillbook.change.trust.authority import life_of_approval, may_approve
from drillbook.change.trust.bound import difference
from drillbook.change.trust.case import case_of
from drillbook.errors import Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from drillbook.change.records.difference import Line
    from drillbook.change.records.model import ChangeRecord
    from drillbook.change.trust.base import Base
    from drillbook.cmdb.model import Cmdb
    from drillbook.repo.git import Repository


def require_consentable(
    record: ChangeRecord, *, base: Base, person: str, review: bool, now: datetime, proposed: Cmdb | None = None
) -> None:
    """Refuse to ask a person to sign a change.

    Args:
        record: the change.
        base: the trusted base.
        person: whose key would sign.
        review: it is the review of an emergency.
        now: the time.
        proposed: the CMDB that a configuration moves to, as in ``case.case_of``.

    Raises:
        Refused: the change is closed, not planned or of the other kind; the request is not signed as it must be;
            plan.md is not what plan.json says; the person asked for the change, may not approve it, or has signed.
    """
    require_approvable(record, review=review)
    verify_request(record, base, at=now)
    assert record.bound is not None
    if not is_rendering(record.plan_md, record.request, record.bound):
        what = "is missing" if record.plan_md is None else "does not say what plan.json says"
        raise Refused(
            f"changes/{record.id}/plan.md {what}: whoever read it has not read what would be signed",
            remedy=f"the requester plans it again: ./inv changes.plan {record.id}",
        )
    if person == record.request.requested_by:
        raise Refused(
            f"{person} {'ran' if review else 'asked for'} {record.id}, and cannot "
            f"{'review' if review else 'approve'} it too",
            remedy=f"somebody else does it: ./inv changes.show {record.id} names who may",
        )
    if review:
        _require_reviewer(record, base.cmdb, person)
    else:
        may_approve(person, case_of(record, base.cmdb, proposed=proposed), base.cmdb)
        require_no_less(record.request.risk, *risk_of(record, base.cmdb, proposed=proposed))
    if any(each.approver == person for each in record.approvals):
        why = valid_approvals(record, base, at=now, what="review" if review else "approval").refused.get(person)
        raise Refused(
            f"{person} has signed {record.id} already" + (f", but it does not count: {why}" if why else ""),
            remedy="a second signature adds nothing" if why is None else "make a new change: ./inv changes.new",
        )


def _require_reviewer(record: ChangeRecord, cmdb: Cmdb, person: str) -> None:
    could = reviewers(cmdb, record.request.requested_by)
    if person not in could:
        raise Refused(
            f"{person} may not review {record.id}: the policy emergencies says who may",
            remedy=f"who may: {', '.join(could) or 'nobody has that role'}",
        )


def would_differ(record: ChangeRecord, *, repo: Repository, base: Base, head: str) -> Sequence[Line]:
    """Make the plan again from a commit, and give what differs from plan.json; nothing when it is the same bytes.

    Errors: ``bound.bind_commit``.
    """
    assert record.bound is not None
    raw = plan_again(record, repo=repo, base=base, head=head)
    return [] if raw == record.bound.raw else difference(record.bound.value, read_bound(raw).value)


def expiry(
    record: ChangeRecord, cmdb: Cmdb, *, now: datetime, wanted: timedelta | None, proposed: Cmdb | None = None
) -> datetime:
    """Give when an approval ends: as ``wanted``, else as late as policy lets it. ``proposed``: as in ``case.case_of``.

    Raises UsageError when it is wanted for longer, Refused when it would end before the change's window begins.
    """
    most = life_of_approval(case_of(record, cmdb, proposed=proposed), cmdb)
    if most is None and wanted is None:
        raise UsageError("policy does not say how long an approval counts", remedy="say it: --expires 7d")
    if wanted is not None and most is not None and wanted > most:
        raise UsageError(
            f"an approval of this change counts for {_days(most)} at most, and {_days(wanted)} were asked for",
            remedy="leave --expires out, or take less",
        )
    length = wanted or most
    assert length is not None
    ends = now + length
    window = record.request.window
    if window is not None and ends <= window.begins:
        raise Refused(
            f"an approval of now ends at {time_text(ends)}, before the window begins at {time_text(window.begins)}",
            remedy="approve it nearer to its window" if wanted is None else "take a longer --expires",
        )
    return ends


def _days(length: timedelta) -> str:
    hours = length.total_seconds() / 3600
    return f"{hours / 24:g} days" if hours >= 48 else f"{hours:g} hours"  # noqa: PLR2004 - two days
