"""The drill core-db-failover as activities of a Chaos Toolkit experiment: ``python -m benchmarks.chaos_steps NAME``.

Each is what the runbooks RB-DB-FAILOVER and RB-DB-FAILBACK do, with the same commands, as its "by hand" says. An
activity ends with 0, or with another code and a sentence.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from tests.harness import Pair, Writer

from benchmarks.switchover import by_hand
from drillbook.errors import DrillbookError
from drillbook.hosts.power import PowerState
from drillbook.lab.power import LabPower

if TYPE_CHECKING:
    from collections.abc import Callable

_POSTGRES = "cd / && runuser -u postgres --"


def served(pair: Pair) -> None:
    """A write through the service address is acknowledged."""
    with Writer(pair):
        pass


def one_primary(pair: Pair) -> None:
    """Exactly one of the two is primary."""
    primaries = primaries_of(pair)
    if len(primaries) != 1:
        raise RuntimeError(f"primaries: {primaries}")


def primaries_of(pair: Pair) -> list[str]:
    """Give the members that say they are primary; a member that is off says nothing."""
    return [item for item, state in pair.state().items() if state != "off" and state["role"] == "primary"]


def kill(pair: Pair) -> None:
    """Take the primary's power away."""
    pair.kill(pair.first)


def fence(pair: Pair) -> None:
    """Switch the old primary off, and look whether it is."""
    power = LabPower(pair.first)
    power.off()
    if power.state() is not PowerState.OFF:
        raise RuntimeError(f"{pair.first} is not off")


def promote(pair: Pair) -> None:
    """Promote the standby."""
    pair.shell(
        pair.second,
        f"""{_POSTGRES} psql -XAtq -v ON_ERROR_STOP=1 -c "alter system set synchronous_standby_names = ''" """
        "-c 'select pg_reload_conf()' -c 'select pg_promote(true, 30)'",
    )


def take_address(pair: Pair) -> None:
    """Bring the service address up on the new primary."""
    device, prefix = pair.settings["interface"], pair.settings["prefix"]
    pair.shell(
        pair.second,
        f"ip address replace {pair.address}/{prefix} dev {device}; "
        f"for _ in 1 2; do timeout 0.1 arping -q -U -c 1 -I {device} {pair.address} || true; done",
    )


def power_on(pair: Pair) -> None:
    """Start the old primary's host, and wait until one can log in."""
    LabPower(pair.first).on()
    deadline = time.monotonic() + 30
    while True:
        try:
            pair.shell(pair.first, "systemctl is-system-running --wait || true")
        except DrillbookError:
            pair.hosts[pair.first].close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def rebuild(pair: Pair) -> None:
    """Make the old primary the synchronous standby of the new one; start it as it was if there is no new one."""
    if pair.second not in primaries_of(pair):
        unit, device, prefix = (pair.settings[name] for name in ("unit", "interface", "prefix"))
        pair.shell(pair.first, f"systemctl start {unit}; ip address replace {pair.address}/{prefix} dev {device}")
        return
    data, bin_, unit, user, port = (
        pair.settings[name] for name in ("data_directory", "bin_directory", "unit", "replication_user", "port")
    )
    source = f"host={pair.hosts[pair.second].target.address} port={port} user={user} dbname=postgres"
    pair.shell(pair.second, f"{_POSTGRES} psql -XAtq -c checkpoint")
    pair.shell(
        pair.first,
        f"systemctl stop {unit}; {_POSTGRES} {bin_}/pg_rewind -D {data} --source-server='{source}'; "
        f"{_POSTGRES} touch {data}/standby.signal; systemctl start {unit}",
    )
    pair.shell(
        pair.second,
        f"""{_POSTGRES} psql -XAtq -c "alter system set synchronous_standby_names = '\\"{pair.first}\\"'" """
        "-c 'select pg_reload_conf()'",
    )


def switch_back(pair: Pair) -> None:
    """Give the old primary its role and the service address back, if it has lost them."""
    if pair.second in primaries_of(pair):
        # It may have been promoted and not have got the address.
        take_address(pair)
        by_hand(pair, pair.second, pair.first)


PROBES: tuple[Callable[[Pair], None], ...] = (served, one_primary)
METHOD: tuple[Callable[[Pair], None], ...] = (kill, fence, promote, take_address)
ROLLBACKS: tuple[Callable[[Pair], None], ...] = (power_on, rebuild, switch_back)


def main() -> None:
    (name,) = sys.argv[1:]
    try:
        next(step for step in (*PROBES, *METHOD, *ROLLBACKS) if step.__name__ == name)(Pair())
    except (DrillbookError, RuntimeError) as error:
        sys.exit(f"{name}: {error}")


if __name__ == "__main__":
    main()
