"""The cold standby of the web host as the crash campaign kills the engine over it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

from drillbook.cmdb.addressing import service_address
from drillbook.drill.binding import bind_probes
from drillbook.drill.load import find_drill
from drillbook.drill.probe import Probe, clean_up, prepare, surviving_rows
from drillbook.errors import DrillbookError
from drillbook.hosts.power import PowerState
from drillbook.lab.power import LabPower
from tests.ground import ENVIRONMENT, Ground

if TYPE_CHECKING:
    from types import TracebackType

    from drillbook.drill.binding import BoundProbe
    from drillbook.evidence.samples import Rows, Series

PROTECTION = "web-spare"
DRILL = "web-promotion"
SNAPSHOT, PROMOTION, FAILBACK = "RB-STANDBY-SNAPSHOT", "RB-STANDBY-PROMOTION", "RB-STANDBY-FAILBACK"
_PATIENCE = 30.0
# What a client wrote differs each time; all else that people or the role keep on a host is the same each time.
# "$1" interface, "$2" where clients write, "$3" protection, then units. Each line: a name, a tab, what it is.
_LOOK = r"""
interface="$1" written="$2" protection="$3"
shift 3
tell() { printf '%s\t%s\n' "$1" "$(echo $2)"; }
tell hostname "$(hostname)"
tell addresses "$(ip -o -4 address show dev "$interface" | awk '{print $4}' | sort)"
for unit; do tell "$unit" "$(systemctl is-active "$unit")"; done
tell roles "$(ls -A /etc/drillbook/roles)"
tell left "$(ls -A "/var/lib/drillbook/standby/$protection" 2>/dev/null)"
tell locks "$(ls /var/lib/drillbook/lock 2>/dev/null)"
tell files "$(cd /; find etc root srv usr/local -xdev -path "$written" -prune -o \( -type f -o -type l \) \
    -printf '%p|%y|%m|%u|%g|%l\n' | LC_ALL=C sort | sha256sum | cut -c 1-16)"
tell contents "$(cd /; find etc root srv usr/local -xdev -path "$written" -prune -o -type f -print0 \
    | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)"
"""


class WebWriter:
    """Somebody who publishes through the service address all the time; see ``Watch``."""

    def __init__(self, subject: StandbySubject) -> None:
        """Nothing is sent."""
        self.subject = subject
        self.host = subject.ground.hosts[subject.users.spec.source]
        self.run = f"harness-{time.time_ns()}"
        self.probe = Probe(self.host, subject.users, run=self.run, duration=600)
        self.problems: list[str] = []

    def __enter__(self) -> Self:
        prepare(self.host, self.run, [self.subject.users.kind])
        self.probe.start()
        if self.probe.wait_steady(0.3, timeout=_PATIENCE).event != "steady":
            clean_up(self.host, self.run)
            raise RuntimeError("the writer's writes are not acknowledged to begin with")
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        try:
            if kind is not None:
                return
            if self.probe.wait_steady(0.3, timeout=_PATIENCE).event != "steady":
                self.problems.append("users are not served again")
                return
            self.probe.stop()
            _, series = self.probe.fetch()
            name = self.subject.users.spec.id
            rows = surviving_rows(self.host, self.subject.users, run=self.run, writers=[name])
            self.problems += missing(series, rows, snapshot=self.subject.snapshot, killed=self.subject.killed)
        finally:
            clean_up(self.host, self.run)


def missing(series: Series, rows: Rows, *, snapshot: int, killed: int) -> list[str]:
    """Say which acknowledged writes are missing that may not be: all but those from the snapshot to the host's end.

    Both in ns of the monotonic clock, which all hosts of the lab share: when the snapshot began, and when the host
    was dead.
    """
    lost = [each for each in series.acks() if not rows.has(series.writer, each.seq)]
    found = []
    if before := [each for each in lost if each.done < snapshot]:
        found.append(f"{len(before)} writes are missing that the snapshot has")
    if after := [each for each in lost if each.done >= killed]:
        found.append(f"{len(after)} writes are missing that the spare acknowledged")
    if not any(each.done >= killed for each in series.acks()):
        found.append("nothing was acknowledged after the host's end, so nothing could have been missing")
    return found


class StandbySubject:
    """A web host, the spare that stands in for it, and somebody who publishes."""

    undone = frozenset({PROMOTION, FAILBACK})

    def __init__(self) -> None:
        self.ground = Ground()
        cmdb = self.ground.estate.cmdb
        found = cmdb.protections[PROTECTION]
        self.settings: dict[str, Any] = found.get("settings")
        self.primary, self.spare = found.get("members")["primary"], found.get("members")["spare"]
        self.witness, self.store = self.settings["witness"], found.get("snapshot")["host"]
        self.repository = found.get("snapshot")["repository"]
        self.items = (self.primary, self.spare, self.witness, self.store)
        self.address = service_address(cmdb, PROTECTION, ENVIRONMENT)
        self.users: BoundProbe = next(
            each for each in bind_probes(find_drill(self.ground.root, DRILL), cmdb) if each.spec.is_user
        )
        self.written = f"srv/www{self.settings['base'].rstrip('/')}"
        self.snapshot = self.killed = 0
        self.clean()

    def parameters(self, _: str) -> dict[str, str]:
        """See ``Subject``."""
        return {"protection": PROTECTION}

    def to_begin(self, runbook: str) -> None:
        """See ``Subject``."""
        self.snapshot = time.monotonic_ns()
        self.ground.run_it(SNAPSHOT, protection=PROTECTION)
        self.ground.kill(self.primary)
        self.ground.hosts[self.primary].close()
        self.killed = time.monotonic_ns()
        if runbook == FAILBACK:
            self.ground.run_it(PROMOTION, protection=PROTECTION)

    def to_healthy(self, runbook: str) -> None:
        """See ``Subject``."""
        if runbook == PROMOTION:
            self.ground.run_it(FAILBACK, protection=PROTECTION)
        self.clean()

    def from_undone(self, runbook: str) -> None:
        """See ``Subject``. When a promotion was undone, the dead host's power is all that its role needs."""
        if runbook == FAILBACK:
            self.ground.run_it(FAILBACK, protection=PROTECTION)
        else:
            LabPower(self.primary).on()

    def clean(self) -> None:
        """Remove what the writer wrote, and what a failback sets aside for people to look at."""
        for item in (self.primary, self.spare):
            self.ground.hosts[item].close()
            self.ground.shell(
                item,
                f"rm -rf /var/lib/drillbook/standby; [ ! -d /{self.written} ] || find /{self.written} -type f -delete",
            )

    def watched(self) -> WebWriter:
        """See ``Subject``."""
        return WebWriter(self)

    # --- looking ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """See ``Subject``: each host's names, units, files and leftovers, who is the holder, and who answers."""
        found: dict[str, Any] = {item: self.look(item) for item in (self.primary, self.spare)}
        shell = self.ground.shell
        found["holder"] = shell(self.witness, f"cat /srv/holders/{PROTECTION}").strip()
        answered = shell(
            self.witness,
            f"arping -c 2 -w 1 -I {self.settings['interface']} {self.address} | sed -n 's/.*\\[\\(.*\\)\\].*/\\1/p'",
        )
        found["answers"] = sorted({self.item_of(mac.lower()) for mac in answered.split()})
        found["locks"] = [
            shell(item, f"ls -d /var/lib/drillbook/lock {self.repository}/lock.exclusive 2>/dev/null || :").split()
            for item in (self.witness, self.store)
        ]
        return found

    def look(self, item: str) -> dict[str, str] | str:
        """Look at one of the two hosts; ``off`` when it has no power, or does not answer."""
        if LabPower(item).state() is PowerState.OFF:
            return "off"
        host = self.ground.hosts[item]
        host.close()
        units = [*self.settings["units"], "identity-ssh.service"]
        asked = ["/bin/sh", "-c", _LOOK, "look", self.settings["interface"], self.written, PROTECTION, *units]
        try:
            done = host.run(asked, timeout=20)
        except DrillbookError:
            return "off"
        return dict(line.split("\t", 1) for line in done.stdout.splitlines())

    def item_of(self, mac: str) -> str:
        """Give whose MAC address it is; a stranger's as it is."""
        for item in (self.primary, self.spare):
            if LabPower(item).state() is PowerState.OFF:
                continue
            if self.ground.shell(item, f"cat /sys/class/net/{self.settings['interface']}/address").strip() == mac:
                return item
        return mac

    def since(self, state: dict[str, Any], _: dict[str, Any]) -> dict[str, Any]:
        """See ``Subject``: nothing here counts on."""
        return state

    def kept(self, state: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
        """See ``Subject``. A host that was switched on stays on; its files must be those that it had."""
        own = state[self.primary]
        files = first[self.primary] if own == "off" else own
        return {**state, self.primary: {name: files[name] for name in ("files", "contents", "roles")}}
