"""Planned switchover against the floor: the same stop, promotion and address by hand, the same client, in turn.

``.venv/bin/python -m benchmarks.switchover [-n 20]``, on a healthy lab. A writer inserts every 5 ms through the
service address; an outage is its longest gap between two acknowledged writes. The floor is what somebody types
who has both consoles open: ``pg_ctl stop -m fast`` and the address off on one, then ``pg_ctl promote`` and the
address on the other. Odd rounds go one way, even ones back; ours and the floor alternate.
"""

from __future__ import annotations

import argparse
from statistics import median

from tests.harness import SWITCHOVER, Pair, Writer

from benchmarks.figures import line, machine


def by_hand(pair: Pair, primary: str, standby: str) -> None:
    """Do the floor's switchover, then bring the old primary back as a synchronous standby (not measured)."""
    data, bin_, unit = (pair.settings[name] for name in ("data_directory", "bin_directory", "unit"))
    device, prefix, address = pair.settings["interface"], pair.settings["prefix"], pair.address
    postgres = "runuser -u postgres --"
    pair.shell(primary, f"{postgres} psql -XAtq -c checkpoint")
    pair.shell(
        primary, f"{postgres} {bin_}/pg_ctl stop -s -m fast -D {data}; ip address del {address}/{prefix} dev {device}"
    )
    pair.shell(
        standby,
        f"{postgres} {bin_}/pg_ctl promote -s -D {data}; ip address replace {address}/{prefix} dev {device}; "
        f"timeout 0.1 arping -q -U -c 1 -I {device} {address} || true",
    )
    pair.shell(primary, f"{postgres} touch {data}/standby.signal; systemctl start {unit}")
    pair.shell(
        standby,
        f"""{postgres} psql -XAtq -c "alter system set synchronous_standby_names = '\\"{primary}\\"'" """
        f"-c 'select pg_reload_conf()'",
    )
    # As in our runbook: whoever is standby now does not wait for anybody when it is promoted.
    pair.shell(primary, f"""{postgres} psql -XAtq -c "alter system set synchronous_standby_names = ''" """)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=20, help="rounds of each, an even number")
    rounds = parser.parse_args().n
    pair = Pair()
    for host in (pair.first, pair.second):
        pair.hosts[host].open()
    outages: dict[str, list[float]] = {"ours": [], "floor": []}
    lost: dict[str, int] = {"ours": 0, "floor": 0}
    here, there = pair.first, pair.second
    for _ in range(rounds):
        for who in ("ours", "floor"):
            with Writer(pair) as writer:
                if who == "ours":
                    pair.run(SWITCHOVER, primary=here)
                else:
                    by_hand(pair, here, there)
            outages[who].append(writer.outage)
            lost[who] += writer.lost
            here, there = there, here
    print(machine())
    print(line("drillbook: outage that a writer felt", outages["ours"]))
    print(line("by hand, the floor", outages["floor"]))
    print(f"ratio of medians {median(outages['ours']) / median(outages['floor']):.2f} (at most 1.6)")
    print(f"acknowledged writes lost: drillbook {lost['ours']}, by hand {lost['floor']}, in {rounds} rounds each")


if __name__ == "__main__":
    main()
