"""Every kind of probe against the service that it is for, on real hosts: what it counts is what is there."""

from __future__ import annotations

import time
from dataclasses import replace

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

# Protections, and what their users do.
USERS = (
    ("core-db", "postgresql_writer"),
    ("mail-pair", "mail_writer"),
    ("web-spare", "web_writer"),
    ("login-spare", "ldap_writer"),
    ("proxy-spare", "proxy_reader"),
)


def bound(estate, kind, protection, every=0.02) -> BoundProbe:
    """A probe of a kind, as a drill about that protection has it."""
    drill = find_drill(ROOT, "core-db-switchover")
    service = estate.protections[protection].get("service")
    drill = replace(drill, services=(ServiceSpec(service, protection, None, None, 1),))
    spec = ProbeSpec(f"of-{protection}", kind, SOURCE, SERVICE_ADDRESS, protection, every, KINDS[kind].give_up, 1)
    return bind_probe(drill, estate, spec)


def probes(estate, host, run, kinds):
    """By protection, a probe of a kind against each; all are acknowledged."""
    made = {
        protection: Probe(host, bound(estate, kind, protection), run=run, duration=60) for protection, kind in kinds
    }
    for probe in made.values():
        probe.start()
    for protection, probe in made.items():
        assert probe.wait_steady(0.5, timeout=20).event == "steady", protection
    return made


def series_of(probe):
    """What a probe counted, once it is stopped."""
    probe.stop()
    _, series = probe.fetch()
    assert series.complete
    return series


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


def test_every_acknowledged_attempt_is_there(host, run, estate):
    made = probes(estate, host, run, USERS)
    time.sleep(0.5)
    for protection, probe in made.items():
        series = series_of(probe)
        assert len(series.acks()) > 5, protection
        assert {each.outcome for each in series.samples[-5:]} == {Outcome.ACK}, protection
        if probe.bound.kind.rows is None:
            continue
        rows = surviving_rows(host, probe.bound, run=run, writers=[probe.bound.spec.id])
        kept = kept_writes([series], rows)
        assert lost_writes([series], rows).count == 0, protection
        assert (kept.refused_survived, kept.unheard_of) == (0, 0), protection
        assert rows.count() - kept.unknown_survived == len(series.acks()), protection


def test_hosts_that_freeze_are_an_outage_and_hold_no_probe_up(lab, host, run, estate):
    made = probes(estate, host, run, USERS)
    frozen = [make_fault("freeze", estate.protections[protection].get("members")["primary"], {}, lab=lab)
              for protection in made]  # fmt: skip
    for fault in frozen:
        fault.inject()
    try:
        for protection, probe in made.items():
            assert probe.wait_down(1.0, timeout=20).event == "down", protection
    finally:
        for fault in frozen:
            fault.heal()
    found = {}
    for protection, probe in made.items():
        assert probe.wait_steady(0.5, timeout=20).event == "steady", protection
        series, kind = series_of(probe), probe.bound.spec.kind
        # An attempt that is given up took its own time, and that of a new connection; the machine may be busy.
        longest = max(each.done - each.sent for each in series.samples)
        assert longest < (KINDS[kind].give_up + 0.5) * 1e9, protection
        found[protection] = {each.outcome for each in series.samples}
        assert found[protection] > {Outcome.ACK}, protection
    # What was on its way may be done or not. Who asks several times, as LDAP and SMTP do, may not have come so far.
    assert Outcome.UNKNOWN in set().union(*found.values()), found


def test_the_watcher_names_the_host_that_has_the_address(host, run, estate):
    for protection, probe in probes(estate, host, run, ((each, "address_watcher") for each, _ in USERS)).items():
        series = series_of(probe)
        assert {each.error for each in series.acks()} == {estate.protections[protection].get("members")["primary"]}
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
