"""What an auditor asks for on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from drillbook.audit.log import EMERGENCY, NORMAL, STANDARD, UNAPPROVED, Query
from drillbook.cmdb.find import day
from drillbook.errors import UsageError

_TYPES = (STANDARD, NORMAL, EMERGENCY, UNAPPROVED)


def first_moment(text: str, option: str) -> datetime | None:
    """Give the beginning of a day (UTC), None for "". Raises UsageError, naming the option."""
    return datetime.combine(day(text, option), time.min, UTC) if text else None


def query_of(
    *,
    item: str,
    service: str,
    person: str,
    since: str,
    until: str,
    environment: str,
    type: str,  # noqa: A002
) -> Query:
    """Give the query of options as they were typed; "" for what was not. Raises UsageError."""
    if type and type not in _TYPES:
        raise UsageError(f"--type {type[:40]}: there is no such type", remedy=f"one of: {', '.join(_TYPES)}")
    last = first_moment(until, "--until")
    return Query(
        item=item,
        service=service,
        person=person,
        first=first_moment(since, "--since"),
        last=last + timedelta(days=1) if last is not None else None,
        environment=environment,
        type=type,
    )
