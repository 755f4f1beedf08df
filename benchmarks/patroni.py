"""Planned switchover beside Patroni's, on the same hosts: the same PostgreSQL, settings, client and address, in turn.

``.venv/bin/python -m benchmarks.patroni [-n 10] [--seed 1]``, as root; it brings the lab up when it is not. Patroni
and etcd (Debian's packages) are installed on the lab's hosts by this benchmark alone, and gone afterwards: the hosts
are made anew, or the lab is taken down when it was not up before.

Both cannot own the pair at once, so they take turns in blocks of ``--block`` rounds (odd rounds one way, even ones
back); in each pair of blocks the seed says who begins. A block begins and ends with a healthy, synchronous pair; the
other side's daemons are stopped meanwhile. In our blocks a round is one ``RB-DB-SWITCHOVER`` and one switchover by
hand, the floor (``benchmarks/switchover.py``). In Patroni's a round is two ``patronictl switchover --force``: for a
client at the service address, which Patroni's callbacks move, and for one that knows both hosts
(``target_session_attrs=read-write``); the better one is compared. An outage is the client's longest gap between two
acknowledged writes, from before the command until the pair is synchronous again.

``--failovers 3`` does, instead of all that, as many failovers of a killed primary each: Patroni with its default
times, Patroni with the shortest that its documentation allows, and ours, begun one second after the kill by somebody
who waits for nothing else. Patroni needs nobody to begin it.
"""

from __future__ import annotations

import argparse
import random
import time
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from tests.harness import ENVIRONMENT, FAILBACK, FAILOVER, PAIR, PROBE_HOST, SWITCHOVER, Pair, Writer, lab_for_once

from benchmarks.figures import line, machine
from benchmarks.patroni_cluster import DEFAULTS, PACKAGES, TUNED, Patroni, steady
from benchmarks.patroni_packages import install
from benchmarks.switchover import by_hand
from drillbook.lab.power import LabPower

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


AT_ADDRESS, AT_ANY = "Patroni, address", "Patroni, list of hosts"


class Figures:
    """Outages and losses, by who caused them."""

    def __init__(self) -> None:
        self.outages: dict[str, list[float]] = {}
        self.lost: dict[str, int] = {}
        self.took: list[float] = []

    def add(self, who: str, writer: Writer) -> None:
        if writer.problems and not writer.lost:
            raise SystemExit(f"{who}: {'; '.join(writer.problems)}")
        self.outages.setdefault(who, []).append(writer.outage)
        self.lost[who] = self.lost.get(who, 0) + writer.lost
        print(f"  {who}: {writer.outage:.3f} s, {writer.acknowledged} writes, {writer.lost} lost", flush=True)


# --- our cluster as a whole -----------------------------------------------------------------------


def whole(pair: Pair) -> bool:
    """Tell whether each member says that it is what it should be: one primary, its synchronous standby."""
    checks = [pair.hosts[item].run([f"/var/lib/drillbook/health.d/{PAIR}"], timeout=15) for item in members(pair)]
    return all(check.exit_code == 0 for check in checks)


def members(pair: Pair) -> tuple[str, str]:
    return pair.first, pair.second


def primary_of(pair: Pair) -> str:
    (primary,) = (item for item, state in pair.state().items() if state["role"] == "primary")
    return primary


def stop_ours(pair: Pair) -> str:
    """Stop our cluster in order; give who is its primary."""
    primary = primary_of(pair)
    device, prefix, unit = (pair.settings[name] for name in ("interface", "prefix", "unit"))
    pair.shell(primary, f"systemctl stop {unit}; ip address del {pair.address}/{prefix} dev {device}")
    pair.shell(other_than(pair, primary), f"systemctl stop {unit}")
    return primary


def start_ours(pair: Pair, primary: str) -> None:
    """Start our cluster as it was stopped, and wait until it is whole."""
    device, prefix, unit = (pair.settings[name] for name in ("interface", "prefix", "unit"))
    for item in (primary, other_than(pair, primary)):
        pair.shell(item, f"systemctl start {unit}")
    pair.shell(
        primary,
        f"ip address replace {pair.address}/{prefix} dev {device}; "
        f"timeout 0.1 arping -q -U -c 1 -I {device} {pair.address} || true",
    )
    steady(lambda: whole(pair), timeout=30, what="our pair is whole")


def other_than(pair: Pair, member: str) -> str:
    return str(pair.second if member == pair.first else pair.first)


def turned(two: tuple[str, ...], number: int) -> tuple[str, ...]:
    """Give two in turn the one and the other first, so that each goes both ways."""
    return two[::-1] if number % 2 else two


# --- blocks ---------------------------------------------------------------------------------------


def our_block(pair: Pair, rounds: int, figures: Figures) -> None:
    here = primary_of(pair)
    for number in range(rounds):
        for who in turned(("drillbook", "by hand"), number):
            there = other_than(pair, here)
            with Writer(pair) as writer:
                if who == "drillbook":
                    pair.run(SWITCHOVER, primary=here)
                else:
                    by_hand(pair, here, there)
            figures.add(who, writer)
            steady(lambda: whole(pair), timeout=30, what="our pair is whole")
            here = there


@contextmanager
def patroni_instead(pair: Pair, patroni: Patroni) -> Iterator[None]:
    """Run Patroni's cluster in place of ours."""
    primary = stop_ours(pair)
    patroni.start()
    try:
        patroni.wait_whole()
        yield
    except BaseException:
        print(patroni.logs())
        raise
    patroni.wait_whole()
    patroni.stop()
    start_ours(pair, primary)


@contextmanager
def clients(pair: Pair, who: str) -> Iterator[str]:
    """Have clients that do not know the service address look for who takes writes; give what they try."""
    if who == AT_ADDRESS:
        yield pair.address
        return
    probes = pair.hosts[PROBE_HOST]
    # What a unit started by the host's service manager inherits; libpq reads it.
    probes.run(["systemctl", "set-environment", "PGTARGETSESSIONATTRS=read-write"], timeout=10)
    try:
        yield ",".join(pair.hosts[item].target.address for item in members(pair))
    finally:
        probes.run(["systemctl", "unset-environment", "PGTARGETSESSIONATTRS"], timeout=10)


def patroni_block(pair: Pair, patroni: Patroni, rounds: int, figures: Figures, tried: tuple[str, ...]) -> None:
    here = patroni.wait_whole()
    for number in range(rounds):
        for who in turned(tried, number):
            with clients(pair, who) as at, Writer(pair, at=at) as writer:
                figures.took.append(patroni.switchover(here, other_than(pair, here)))
                here = patroni.wait_whole()
            figures.add(who, writer)


def switchovers(pair: Pair, patroni: Patroni, *, rounds: int, block: int, seed: int, tried: tuple[str, ...]) -> Figures:
    chance = random.Random(seed)
    figures = Figures()
    left = rounds
    while left > 0:
        size = min(block, left)
        left -= size

        def ours(size: int = size) -> None:
            our_block(pair, size, figures)

        def theirs(size: int = size) -> None:
            with patroni_instead(pair, patroni):
                patroni_block(pair, patroni, size, figures, tried)

        both: list[Callable[[], None]] = [ours, theirs]
        chance.shuffle(both)
        for each in both:
            each()
    return figures


def failovers(pair: Pair, patroni: Patroni, *, rounds: int) -> Figures:
    figures = Figures()
    for _ in range(rounds):
        with Writer(pair) as writer:
            pair.kill(pair.first)
            time.sleep(1)
            pair.run(FAILOVER)
        figures.add("drillbook", writer)
        pair.run(FAILBACK, survivor=pair.second)
    for name, times in (("Patroni, default times", DEFAULTS), ("Patroni, shortest times", TUNED)):
        with patroni_instead(pair, patroni):
            patroni.retime(times)
            # A change of the times is taken at the next turn of the loop.
            time.sleep(DEFAULTS["loop_wait"] + 1)
            for _ in range(rounds):
                victim = patroni.wait_whole()
                with Writer(pair, patience=120) as writer:
                    pair.kill(victim)
                figures.add(name, writer)
                pair.hosts[victim].close()
                LabPower(victim).on()
                steady(lambda at=victim: answers(pair, at), timeout=30, what=f"{victim} is up")  # type: ignore[misc]
                patroni.start(victim)
    return figures


def answers(pair: Pair, item: str) -> bool:
    try:
        said = pair.hosts[item].run(["systemctl", "is-system-running", "--wait"], timeout=20).stdout
    except Exception:  # noqa: BLE001 - a host that boots refuses in many ways
        return False
    return said.strip() in {"running", "degraded"}


# --- the whole ------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=10, help="rounds of each")
    parser.add_argument("--block", type=int, default=2, help="rounds until the other one's turn")
    parser.add_argument("--address-only", action="store_true", help="leave the client that knows both hosts out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failovers", type=int, default=0, help="measure failovers instead: as many of each")
    given = parser.parse_args()
    with lab_for_once():
        pair = Pair()
        witness = str(pair.settings["observer"])
        suite = str(pair.estate.cmdb.environments[ENVIRONMENT].get("image")["suite"])
        patroni = Patroni(pair, witness=witness)
        versions = install(PACKAGES, [pair.hosts[item] for item in patroni.etcd], suite=suite)
        patroni.configure(primary_of(pair))
        ours = patroni.settings(primary_of(pair))
        primary = stop_ours(pair)
        patroni.start()
        patroni.wait_whole()
        patroni.fill()
        patroni.compare(ours)
        patroni.stop()
        start_ours(pair, primary)
        if given.failovers:
            figures = failovers(pair, patroni, rounds=given.failovers)
        else:
            tried = (AT_ADDRESS,) if given.address_only else (AT_ADDRESS, AT_ANY)
            figures = switchovers(pair, patroni, rounds=given.n, block=given.block, seed=given.seed, tried=tried)
        pair.hosts.close()
    print(machine())
    print(", ".join(f"{name} {version}" for name, version in versions.items()), f"; etcd on {', '.join(patroni.etcd)}")
    print("alike in both clusters:", ", ".join(f"{name} {value}" for name, value in ours.items()))
    for who, outages in figures.outages.items():
        print(line(f"{who}: outage that a writer felt", outages))
    if figures.took:
        print(line("patronictl switchover, start to end", figures.took))
        best = min({AT_ADDRESS, AT_ANY} & set(figures.outages), key=lambda who: median(figures.outages[who]))
        ratio = median(figures.outages["drillbook"]) / median(figures.outages[best])
        floor = median(figures.outages["drillbook"]) / median(figures.outages["by hand"])
        print(f"ratio of medians drillbook / {best} {ratio:.2f} (wanted: at most 0.45)")
        print(f"ratio of medians drillbook / by hand {floor:.2f}")
    print("acknowledged writes lost: " + ", ".join(f"{who} {count}" for who, count in figures.lost.items()))


if __name__ == "__main__":
    main()
