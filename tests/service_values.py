"""Values of a drill about several services: a room is lost, one service comes back, one does not, one keeps nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.evidence.assess import assess_services
from drillbook.evidence.result import ServiceResult
from drillbook.evidence.samples import Does, Outcome, Sample, Series
from drillbook.evidence.seen import look
from drillbook.evidence.verdict import Objectives
from drillbook.runbook.model import Text
from tests.evidence_values import DIGEST, MS, STEADY, S, observed, result, rows_of, series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from drillbook.evidence.assess import Observed
    from drillbook.evidence.result import DrillResult

FAULT = STEADY + 3 * S
END = STEADY + 20 * S
WHY = Text("the one spare stands in for the pages", "唯一的冷备机已用于信息发布")


def watcher(name: str, spans: Sequence[tuple[int, int, str]], *, until: int = END) -> Series:
    """A watcher of an address: from when to when who answered, each 20 ms; nobody in between."""
    samples = []
    at, seq = STEADY - S, 0
    while at < until:
        seq += 1
        who = next((who for begin, end, who in spans if begin <= at < end), "")
        outcome = Outcome.ACK if who else Outcome.UNKNOWN
        samples.append(Sample(seq, at, at + 18 * MS, outcome, who or "no_answer"))
        at += 20 * MS
    return Series(
        name, "mon-1", "service_address", tuple(samples), 0, complete=True, digest=DIGEST,
        kind="address_watcher", does=Does.WATCHES,
    )  # fmt: skip


def cold(
    name: str, title: Text, *, back: int, holders: Sequence[tuple[int, int, str]], not_back: Text | None = None
) -> Observed:
    """A service with a cold spare, whose users are away from FAULT until ``back`` (ns)."""
    users = replace(series(f"{name}-users", "service_address", until=END, down=(FAULT, back)), kind="web_writer")
    return replace(
        observed(),
        users=users.writer,
        hosts=(f"{name}-1", "spare-1"),
        series=(users, watcher(f"{name}-who", holders)),
        rows=rows_of(users),
        objectives=Objectives(4, 60),
        must_be_felt=False,
        name=title,
        not_back=not_back,
        by_address=True,
    )


def pages(*, back: int = STEADY + 6 * S) -> Observed:
    """The pages: the spare stands in until the way back."""
    from drillbook.evidence.primaries import Promotion

    at = STEADY + 15 * S
    seen = cold(
        "web", Text("Pages", "信息发布"), back=back,
        holders=[(0, FAULT, "web-1"), (back - 500 * MS, at, "spare-1"), (at, END, "web-1")],
    )  # fmt: skip
    return replace(
        seen,
        promotions=(Promotion("spare-1", STEADY + 4 * S, back), Promotion("web-1", at - S, at)),
    )


def proxy(*, back: int = STEADY + 17 * S) -> Observed:
    """The proxy: nothing brings it back before its own host is; it keeps nothing."""
    seen = cold(
        "proxy",
        Text("Proxy", "上网代理"),
        back=back,
        holders=[(0, FAULT, "proxy-1"), (back, END, "proxy-1")],
        not_back=WHY,
    )
    users = replace(seen.series[0], kind="proxy_reader", does=Does.READS)
    return replace(seen, series=(users, seen.series[1]), rows=None, keeps=False, promotions=pages().promotions)


def database() -> Observed:
    """The database: it fails over as ever."""
    return replace(observed(), name=Text("Core", "核心"))


def room(*services: Observed) -> DrillResult:
    """The result of a drill about these services, or about the three of them."""
    seen = services or (database(), pages(), proxy())
    measured, verdict = assess_services(seen)
    parts = tuple(
        ServiceResult(
            service=each.users.partition("-")[0] if each.by_address else "core", title=each.name,
            protection=f"{each.hosts[0]}-spare", hosts=each.hosts,
            probes=tuple(one.writer for one in each.series), users=each.users, not_back=each.not_back,
            objectives=each.objectives, objectives_reason=None, rows=each.rows, measures=measures, verdict=alone,
        )
        for each, (measures, alone) in zip(seen, measured, strict=True)
    )  # fmt: skip
    everything = tuple(one for each in seen for one in each.series)
    first = seen[0]
    made = result(replace(first, series=everything))
    return replace(
        made,
        services=parts,
        verdict=verdict,
        seen=look(everything, users=first.users, timeline=first.timeline),
        drill=replace(made.drill, name="room-loss", title=Text("A room is lost", "机房失效")),
    )
