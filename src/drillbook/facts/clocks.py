"""Whether the hosts' clocks and ours agree: windows, freezes and the days of approvals are told by a clock."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from drillbook.errors import Refused
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from drillbook.clock import Clock
    from drillbook.hosts.connection import HostConnection, Hosts

MOST = timedelta(seconds=60)
"""How far two clocks may differ. An hour of summer time, or a clock set back by a day, is far beyond it."""

ASK_TIME = ("date", "-u", "+%s")
_SECONDS = 10.0


def require_same_time(hosts: Hosts, items: Iterable[str], clock: Clock) -> None:
    """Ask hosts for their time, all at once, and compare it with ours.

    Raises Refused with both times when one differs by more than MOST or cannot tell; HostUnreachable and
    OutcomeUnknown as the connection.
    """
    wanted = sorted(set(items))
    if not wanted:
        return
    with ThreadPoolExecutor(max_workers=min(16, len(wanted))) as pool:
        asked = {item: pool.submit(_time_of, hosts[item], clock) for item in wanted}
    for item, answer in asked.items():
        theirs, ours = answer.result()
        if abs(theirs - ours) > MOST:
            raise Refused(
                f"{item} says that it is {theirs:%Y-%m-%d %H:%M:%S} UTC, and this machine says "
                f"{ours:%Y-%m-%d %H:%M:%S} UTC: one of the clocks is wrong, and nobody can tell what time it is",
                remedy=f"timedatectl here and on {item} shows which; set it right",
            )


def _time_of(connection: HostConnection, clock: Clock) -> tuple[datetime, datetime]:
    """Give a host's time and ours, of the same moment as nearly as can be."""
    before = clock.now()
    done = connection.run(ASK_TIME, timeout=_SECONDS)
    ours = before + (clock.now() - before) / 2
    text = done.stdout.strip()
    if done.exit_code != 0 or not (text.isascii() and text.isdecimal()) or len(text) > len("99999999999"):
        said = visible(done.stderr.strip() or text, limit=80)
        raise Refused(f"{connection.target.item} does not tell its time: {said}")
    return datetime.fromtimestamp(int(text), UTC), ours
