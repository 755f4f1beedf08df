"""Probes on real hosts: what they count is what happened, and they do not stand still when the network does."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from drillbook.drill.binding import bind_probes
from drillbook.drill.host_clock import measure_clock
from drillbook.drill.kinds import KINDS
from drillbook.drill.load import find_drill
from drillbook.drill.probe import Probe, clean_up, prepare, surviving_rows
from drillbook.errors import StepFailed
from drillbook.evidence.measure import lost_writes, spread
from drillbook.evidence.samples import Outcome
from drillbook.hosts.connection import HostConnection
from drillbook.lab import outside
from drillbook.lab.access import lab_access
from drillbook.lab.faults import heal_all, make_fault
from drillbook.plan.model import PowerControl, Target

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
SOURCE = "mon-1"
MS = 1_000_000
LONGEST_NS = 200 * MS  # no attempt may take longer, whatever happens to the network or the server


class Cut:
    """Drops what the probe's host sends to one address."""

    def __init__(self, lab, address):
        self.container, self.address = lab.hosts[SOURCE].container_id, address

    def make(self):
        rule = f"type filter hook output priority -300; policy accept;\nip daddr {self.address} drop\n"
        self.nft(f"table inet drillbook_test {{\nchain out {{\n{rule}}}\n}}\n")

    def remove(self):
        self.nft("add table inet drillbook_test\ndelete table inet drillbook_test\n")

    def nft(self, text):
        outside.in_network(self.container, ["nft", "-f", "-"], stdin=text)


def elsewhere(bound, address, port):
    """The same probe, at another address and port."""
    return replace(bound, address=address, options={**bound.options, "port": port})


def connect(lab):
    target = Target(SOURCE, lab.hosts[SOURCE].address, 22, "root", PowerControl("lab", {}))
    return HostConnection(target, lab_access())


@pytest.fixture(scope="module")
def drill():
    return find_drill(ROOT, "core-db-switchover")


@pytest.fixture
def host(lab):
    connection = connect(lab)
    yield connection
    heal_all(lab)
    connection.close()


@pytest.fixture
def run(host):
    """A run's id on a prepared probe host; nothing of it is left in the end."""
    id_ = f"test-{time.time_ns()}"
    prepare(host, id_, [KINDS["postgresql_writer"]])
    yield id_
    clean_up(host, id_)
    assert host.run(["systemctl", "list-units", "--no-legend", f"drillbook-probe-{id_}-*"], timeout=5).stdout == ""
    assert host.run(["test", "-e", f"/run/drillbook-probe/{id_}"], timeout=5).exit_code == 1


@pytest.fixture
def bound(drill, estate):
    return {each.spec.id: each for each in bind_probes(drill, estate)}


def test_every_acknowledged_write_is_there_and_the_pace_is_kept(host, run, bound):
    probe = Probe(host, bound["users"], run=run, duration=60)
    probe.start()
    assert probe.wait_steady(1.0, timeout=20).event == "steady"
    time.sleep(1)
    probe.stop()
    probe.stop()
    _, series = probe.fetch()
    rows = surviving_rows(host, bound["users"], run=run, writers=["users"])
    assert series.complete
    assert len(series.acks()) > 200
    assert rows.count() == len(series.acks())
    assert lost_writes([series], rows).count == 0
    between = spread(after.done - before.done for before, after in pairwise(series.acks()))
    assert between.p50 == pytest.approx(0.005, abs=0.002)


def test_a_standby_refuses_and_the_primary_does_not(host, run, bound):
    direct = [Probe(host, bound[id_], run=run, duration=60) for id_ in ("at-core-db-1", "at-core-db-2")]
    for probe in direct:
        probe.start()
    time.sleep(1)
    seen = []
    for probe in direct:
        probe.stop()
        series = probe.fetch()[1]
        seen.append({(each.outcome, each.error) for each in series.samples[5:]})
    assert sorted(map(sorted, seen)) == [[(Outcome.ACK, "")], [(Outcome.REFUSED, "25006")]]


def test_a_network_that_is_cut_is_measured_and_nothing_waits_for_it(lab, host, run, bound):
    """Between the probe's host and the service's address alone, so that the database is not disturbed."""
    probe = Probe(host, bound["users"], run=run, duration=60)
    probe.start()
    assert probe.wait_steady(1.0, timeout=20).event == "steady"
    cut = Cut(lab, bound["users"].address)
    began = time.monotonic_ns()
    cut.make()
    seen = probe.wait_down(0.5, timeout=10)
    told = time.monotonic_ns()
    assert seen.event == "down"
    assert told - (seen.last_ack + 500 * MS) < 250 * MS
    time.sleep(1.5)
    healed = time.monotonic_ns()
    cut.remove()
    assert probe.wait_steady(0.5, timeout=10).event == "steady"
    probe.stop()
    _, series = probe.fetch()
    assert max(each.done - each.sent for each in series.samples) < LONGEST_NS
    assert max(after.sent - before.done for before, after in pairwise(series.samples)) < LONGEST_NS
    longest = max(pairwise(series.acks()), key=lambda pair: pair[1].done - pair[0].done)
    # To make and to take away the cut takes a moment of its own.
    assert began < longest[0].done < began + 300 * MS
    assert healed < longest[1].done < healed + 300 * MS + LONGEST_NS
    assert {each.error for each in series.samples} <= {"", "no_answer", "connect_timeout"}
    rows = surviving_rows(host, bound["users"], run=run, writers=["users"])
    assert lost_writes([series], rows).count == 0


def test_a_frozen_server_does_not_hold_the_writer_up(lab, host, run, bound):
    """A frozen host takes connections and says nothing: here the application server, at its SSH port."""
    frozen = make_fault("freeze", "core-app-1", {}, lab=lab)
    silent = elsewhere(bound["users"], lab.hosts["core-app-1"].address, 22)
    frozen.inject()
    try:
        probe = Probe(host, silent, run=run, duration=60)
        probe.start()
        time.sleep(2)
        probe.stop()
    finally:
        frozen.heal()
    _, series = probe.fetch()
    assert len(series.samples) > 8
    assert {(each.outcome, each.error) for each in series.samples} == {(Outcome.REFUSED, "session_timeout")}
    assert max(each.done - each.sent for each in series.samples) < LONGEST_NS


@pytest.mark.parametrize(
    ("place", "errors"),
    [
        (("127.0.0.1", 9), {"connection_refused"}),
        # sshd answers in its own words, or, asked too often, hangs up.
        (("127.0.0.1", 22), {"connect_failed", "connection_lost"}),
        # An address that nobody has is silent first, and then known not to be there.
        (("10.213.0.250", 5432), {"connect_timeout", "no_route"}),
    ],
)
def test_what_is_no_database_is_refused_and_named(host, run, bound, place, errors):
    probe = Probe(host, elsewhere(bound["users"], *place), run=run, duration=60)
    probe.start()
    time.sleep(1)
    probe.stop()
    _, series = probe.fetch()
    assert {each.outcome for each in series.samples} == {Outcome.REFUSED}
    assert {each.error for each in series.samples} <= errors


def test_a_probe_outlives_the_engine_and_ends_at_its_limit(lab, host, run, bound):
    probe = Probe(host, bound["users"], run=run, duration=2)
    probe.start()
    host.close()  # as when the engine dies
    time.sleep(3)
    again = connect(lab)
    try:
        _, series = Probe(again, bound["users"], run=run, duration=2).fetch()
        assert series.complete
        assert len(series.samples) > 300
        assert Probe(again, bound["users"], run=run, duration=2).wait_down(9, timeout=5).event in ("ended", "silent")
    finally:
        again.close()


def test_a_probe_starts_once(host, run, bound):
    probe = Probe(host, bound["users"], run=run, duration=30)
    probe.start()
    with pytest.raises(StepFailed, match="systemd-run"):
        probe.start()
    probe.stop()


def test_the_lab_has_one_clock(host):
    clock = measure_clock(host)
    assert (clock.offset_ns, clock.uncertainty_ns) == (0, 0)


def test_rows_of_a_database_that_does_not_answer_are_an_error(host, run, bound):
    with pytest.raises(StepFailed, match="ended with 1"):
        surviving_rows(host, elsewhere(bound["users"], "127.0.0.1", 9), run=run, writers=["users"], timeout=3)
