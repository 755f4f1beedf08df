"""What hosts wrote down of the runs that held them, in their own files: whoever alters a run's journal forgets these.

Each line of ``/var/lib/drillbook/anchors`` is ``TIME EVENT RUN HEAD TYPE EXECUTOR`` (``agent.sh``). Reading it changes
nothing on the host, and needs no agent there.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import DrillbookError, HostUnreachable
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from drillbook.hosts.connection import HostConnection, Hosts

FILE = "/var/lib/drillbook/anchors"
ASK_ANCHORS = ("/bin/sh", "-c", f"test ! -e {FILE} || cat {FILE}")
_SECONDS = 15.0
_AT_ONCE = 16
_WORD = r"[A-Za-z0-9._:@-]+"
_LINE = re.compile(rf"([0-9T:Z-]{{20}}) (lock|again|unlock) ({_WORD}) ({_WORD}) ({_WORD}) ({_WORD})")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line. ``event``: lock (taken), again (by a run that held it), unlock. ``time``: the host's own, ISO 8601 UTC.

    ``head``: the hash of the last record of the run's journal at that moment. ``change_type`` and ``executor``: as
    the run said.
    """

    item: str
    time: str
    event: str
    run: str
    head: str
    change_type: str
    executor: str


def parse_anchors(item: str, text: str) -> tuple[list[Anchor], list[str]]:
    """Give the anchors of a host, oldest first, and the lines that are none, fit to be printed."""
    anchors, others = [], []
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        if found is None:
            others.append(visible(line, limit=80))
        else:
            time, event, run, head, change_type, executor = found.groups()
            anchors.append(Anchor(item, time, event, run, head, change_type, executor))
    return anchors, others


def read_anchors(connection: HostConnection) -> tuple[list[Anchor], list[str]]:
    """Ask a host; as ``parse_anchors``. No file: no run has ever held it. Raises HostUnreachable, OutcomeUnknown."""
    item = connection.target.item
    done = connection.run(ASK_ANCHORS, timeout=_SECONDS)
    if done.exit_code != 0:
        raise HostUnreachable(f"{item}: {FILE} cannot be read: {visible(done.stderr.strip())}")
    return parse_anchors(item, done.stdout)


@dataclass(frozen=True, slots=True)
class HostsTold:
    """What several hosts told. ``others``: lines that are no anchors; ``silent``: why a host told nothing."""

    anchors: tuple[Anchor, ...]
    others: Mapping[str, tuple[str, ...]]
    silent: Mapping[str, str]


def ask_hosts(hosts: Hosts, items: Iterable[str]) -> HostsTold:
    """Ask several hosts at once. Never raises DrillbookError."""
    wanted = sorted(set(items))
    anchors: list[Anchor] = []
    others: dict[str, tuple[str, ...]] = {}
    silent: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        asked = {item: pool.submit(read_anchors, hosts[item]) for item in wanted}
    for item, answer in asked.items():
        try:
            found, rest = answer.result()
        except DrillbookError as error:
            silent[item] = error.message
            continue
        anchors += found
        if rest:
            others[item] = tuple(rest)
    return HostsTold(tuple(anchors), others, silent)


def unknown_emergencies(told: HostsTold, known: Collection[str]) -> tuple[Anchor, ...]:
    """Give the break-glass runs that hosts saw and nobody else knows, the first line of each run.

    ``known``: ids of the runs in the ledger and in the changes on record.
    """
    first: dict[str, Anchor] = {}
    for each in told.anchors:
        if each.change_type == "emergency" and each.run not in known:
            first.setdefault(each.run, each)
    return tuple(first.values())
