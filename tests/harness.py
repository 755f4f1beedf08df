"""The pair of the lab as campaigns and benchmarks use it: run runbooks on it, write to it, read its state."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Self

from drillbook.cmdb.addressing import service_address
from drillbook.cmdb.load import load
from drillbook.console.progress import progress_for
from drillbook.drill.binding import BoundProbe
from drillbook.drill.kinds import KINDS, PASSFILE
from drillbook.drill.model import SERVICE_ADDRESS, ProbeSpec
from drillbook.drill.probe import Probe, clean_up, prepare, surviving_rows
from drillbook.errors import DrillbookError, MissingPrerequisite
from drillbook.evidence.measure import lost_writes
from drillbook.lab import lifecycle
from drillbook.lab.state import read_state
from drillbook.tasks.lab import lab_environment
from tests.ground import ENVIRONMENT, ROOT, Ground

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.evidence.samples import Series

PAIR = "core-db"
PROBE_HOST = "mon-1"
SWITCHOVER, FAILOVER, FAILBACK = "RB-DB-SWITCHOVER", "RB-DB-FAILOVER", "RB-DB-FAILBACK"
_SQL = (
    "select pg_is_in_recovery()::text, current_setting('synchronous_standby_names'),"
    " (select count(*) from pg_stat_replication where state = 'streaming'),"
    " (select count(*) from pg_stat_wal_receiver where status = 'streaming'),"
    " coalesce(case when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) end, '')"
)


def bring_up(root: Path = ROOT, *, fresh: bool = False) -> None:
    """Bring the lab up, as ``./inv lab.up`` does."""
    cmdb = load(root)
    lifecycle.up(cmdb, environment=lab_environment(cmdb), root=root, progress=progress_for(), fresh=fresh)


@contextmanager
def lab_for_once(root: Path = ROOT) -> Iterator[None]:
    """Have a whole lab in which anything may be done: afterwards every host is made anew, or there is none again."""
    try:
        read_state()
    except MissingPrerequisite:
        was_up = False
    else:
        was_up = True
    bring_up(root)
    try:
        yield
    finally:
        if was_up:
            bring_up(root, fresh=True)
        else:
            lifecycle.down(root=root)


class Pair(Ground):
    """The database pair."""

    def __init__(self, root: Path = ROOT) -> None:
        super().__init__(root)
        found = self.estate.cmdb.protections[PAIR]
        self.settings: dict[str, Any] = found.get("settings")
        self.address = service_address(self.estate.cmdb, PAIR, ENVIRONMENT)
        self.first, self.second = found.get("members")["primary"], found.get("members")["standby"]

    def run(self, runbook: str, **parameters: str) -> str:
        """Run a runbook on the pair, which must succeed; give the run's id."""
        return self.run_it(runbook, pair=PAIR, **parameters)

    # --- looking ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Give, for each member: power, unit, role, replication, service address, lock; and the timeline."""
        found: dict[str, Any] = {}
        for item in (self.first, self.second):
            host = self.hosts[item]
            host.close()
            try:
                unit = host.run(["systemctl", "is-active", self.settings["unit"]], timeout=5).stdout.strip()
            except DrillbookError:
                found[item] = "off"
                continue
            holds = f" {self.address}/" in host.run(["ip", "-o", "address", "show"], timeout=5).stdout
            lock = host.run(["cat", "/var/lib/drillbook/lock"], timeout=5)
            row = host.run(
                ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-p", str(self.settings["port"]), "-c", _SQL],
                timeout=5,
            )
            role, names, sends, receives, timeline = (row.stdout.strip() or "||||").split("|")
            found[item] = {
                "unit": unit,
                "role": {"true": "standby", "false": "primary"}.get(role, "down"),
                "waits_for": names,
                "sends": sends,
                "receives": receives,
                "holds_address": holds,
                "locked": lock.exit_code == 0,
                "timeline": int(timeline, 16) if timeline else None,
            }
        return found


class Writer:
    """A client that writes through the service address all the time; afterwards nothing acknowledged may be missing."""

    def __init__(self, pair: Pair, *, at: str = "", patience: float = 30) -> None:
        """Write to ``at`` (addresses as libpq takes them) in place of the service address.

        The end waits up to ``patience`` seconds for the service. What is there afterwards is read through the
        service address.
        """
        self.host = pair.hosts[PROBE_HOST]
        self.run = f"harness-{time.time_ns()}"
        self.patience = patience
        spec = ProbeSpec("users", "postgresql_writer", PROBE_HOST, SERVICE_ADDRESS, None, 0.005, 0.15, 1)
        options = {name: pair.settings[name] for name in ("port", "database")}
        options |= {"user": "probe", "passfile": PASSFILE}
        self.bound = BoundProbe(spec, KINDS[spec.kind], pair.address, options)
        self.probe = Probe(self.host, replace(self.bound, address=at or pair.address), run=self.run, duration=300)
        self.problems: list[str] = []
        self.outage = 0.0
        self.acknowledged = 0
        self.lost = 0
        self.series: Series | None = None

    def __enter__(self) -> Self:
        prepare(self.host, self.run, [self.bound.kind])
        self.probe.start()
        if self.probe.wait_steady(0.3, timeout=15).event != "steady":
            clean_up(self.host, self.run)
            raise RuntimeError("the writer's writes are not acknowledged to begin with")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                if self.probe.wait_steady(0.3, timeout=self.patience).event != "steady":
                    self.problems.append("users are not served again")
                    return
                self.probe.stop()
                self.series = series = self.probe.fetch()[1]
                acks = series.acks()
                self.acknowledged = len(acks)
                self.outage = max((b.done - a.done for a, b in pairwise(acks)), default=0) / 1e9
                lost = lost_writes([series], surviving_rows(self.host, self.bound, run=self.run, writers=["users"]))
                self.lost = lost.count
                if lost.count:
                    self.problems.append(f"{lost.count} acknowledged writes are lost")
        finally:
            clean_up(self.host, self.run)
