"""Every kind of probe against the service that it is for, on real hosts: what it counts is what is there."""

from __future__ import annotations

import time

import pytest

from drillbook.drill.binding import BoundProbe, bind_probe
from drillbook.drill.kinds import KINDS
from drillbook.drill.load import find_drill
from drillbook.drill.model import SERVICE_ADDRESS, ProbeSpec, ServiceSpec
from drillbook.drill.probe import Probe, clean_up, prepare, surviving_rows
from drillbook.evidence.measure import kept_writes, lost_writes
from drillbook.evidence.primaries import overlaps_of
from drillbook.evidence.samples import Outcome
from drillbook.lab.faults import heal_all, make_fault
from tests.lab.test_probe import ROOT, SOURCE, connect

pytestmark = pytest.mark.lab

# By kind: the protection, and who answers for its address.
SERVICES = {
    "postgresql_writer": ("core-db", "core-db-1"),
    "mail_writer": ("mail-pair", "mail-1"),
    "web_writer": ("web-spare", "web-1"),
    "ldap_writer": ("login-spare", "login-1"),
    "proxy_reader": ("proxy-spare", "proxy-1"),
}


def bound(estate, kind, protection, every=0.02) -> BoundProbe:
    """A probe of a kind, as a drill about that protection has it."""
    from dataclasses import replace

    drill = find_drill(ROOT, "core-db-switchover")
    service = estate.protections[protection].get("service")
    drill = replace(drill, services=(ServiceSpec(service, protection, None, None, 1),))
    spec = ProbeSpec("users", kind, SOURCE, SERVICE_ADDRESS, protection, every, KINDS[kind].give_up, 1)
    return bind_probe(drill, estate, spec)


@pytest.fixture
def host(lab):
    connection = connect(lab)
    yield connection
    heal_all(lab)
    connection.close()


@pytest.fixture
def run(host):
    """A run's id on a probe host that has every program; nothing of it is left in the end."""
    id_ = f"test-{time.time_ns()}"
    prepare(host, id_, KINDS.values())
    yield id_
    clean_up(host, id_)


@pytest.mark.parametrize("kind", SERVICES)
def test_every_acknowledged_attempt_is_there(host, run, estate, kind):
    probe = Probe(host, bound(estate, kind, SERVICES[kind][0]), run=run, duration=60)
    probe.start()
    assert probe.wait_steady(1.0, timeout=20).event == "steady"
    probe.stop()
    _, series = probe.fetch()
    assert series.complete
    assert len(series.acks()) > 5
    assert {each.outcome for each in series.samples[-5:]} == {Outcome.ACK}
    if KINDS[kind].rows is None:
        return
    rows = surviving_rows(host, probe.bound, run=run, writers=["users"])
    kept = kept_writes([series], rows)
    assert lost_writes([series], rows).count == 0
    assert (kept.refused_survived, kept.unheard_of) == (0, 0)
    assert rows.count() - kept.unknown_survived == len(series.acks())


@pytest.mark.parametrize("kind", SERVICES)
def test_a_host_that_freezes_is_an_outage_and_holds_no_probe_up(lab, host, run, estate, kind):
    protection, holder = SERVICES[kind]
    probe = Probe(host, bound(estate, kind, protection), run=run, duration=60)
    probe.start()
    assert probe.wait_steady(0.5, timeout=20).event == "steady"
    frozen = make_fault("freeze", holder, {}, lab=lab)
    frozen.inject()
    try:
        assert probe.wait_down(1.0, timeout=20).event == "down"
    finally:
        frozen.heal()
    assert probe.wait_steady(0.5, timeout=20).event == "steady"
    probe.stop()
    _, series = probe.fetch()
    # An attempt that is given up took its own time, and that of a new connection; the machine may be busy.
    longest = max(each.done - each.sent for each in series.samples)
    assert longest < (KINDS[kind].give_up + 0.5) * 1e9
    # What was asked for in one piece may be done or not. SMTP asks four times, and without its end a message is none.
    given_up = {each.outcome for each in series.samples if each.error == "no_answer"}
    assert given_up
    assert given_up <= {Outcome.UNKNOWN} | ({Outcome.REFUSED} if kind == "mail_writer" else set())


@pytest.mark.parametrize(("protection", "holder"), SERVICES.values(), ids=[each for each, _ in SERVICES.values()])
def test_the_watcher_names_the_host_that_has_the_address(host, run, estate, protection, holder):
    probe = Probe(host, bound(estate, "address_watcher", protection), run=run, duration=60)
    probe.start()
    assert probe.wait_steady(0.5, timeout=20).event == "steady"
    probe.stop()
    _, series = probe.fetch()
    assert {each.error for each in series.acks()} == {holder}
    assert overlaps_of([series]) == []


def test_two_hosts_on_one_address_are_seen(host, run, lab, estate):
    """The spare takes the address of a host that has it, as a returning host would: both answer each question."""
    from drillbook.lab import outside

    probe = Probe(host, bound(estate, "address_watcher", "web-spare"), run=run, duration=60)
    probe.start()
    assert probe.wait_steady(0.5, timeout=20).event == "steady"
    spare, address = lab.hosts["spare-1"].container_id, f"{probe.bound.address}/24"
    outside.in_network(spare, ["ip", "address", "add", address, "dev", "eth0"])
    try:
        time.sleep(0.5)
    finally:
        outside.in_network(spare, ["ip", "address", "del", address, "dev", "eth0"])
    time.sleep(0.3)
    probe.stop()
    _, series = probe.fetch()
    found = overlaps_of([series])
    assert len(found) > 3
    assert {each.hosts for each in found} == {("spare-1", "web-1")}
    assert series.samples[-1].error == "web-1"
