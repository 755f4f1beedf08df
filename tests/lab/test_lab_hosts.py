"""The hosts of the lab: a whole lab is left alone, what its hosts are made of, their keys and their power."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from drillbook.drill.kinds import PASSFILE
from drillbook.errors import HostKeyRefused, HostUnreachable
from drillbook.hosts.connection import HostConnection
from drillbook.hosts.power import PowerState
from drillbook.lab import lifecycle, vitals
from drillbook.lab.access import lab_access
from drillbook.lab.power import FAILS, LIES, LabPower
from drillbook.lab.state import POWER_DIR, read_state
from drillbook.plan.model import PowerControl, Target
from drillbook.tasks.lab import lab_environment
from tests.lab.conftest import ROOT, Silent
from tests.lab.lab_help import MARKS, assert_whole, bring_up, first_processes, on, sql, wait_for_ssh

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.state import LabState

pytestmark = MARKS


def test_up_of_a_whole_lab_changes_nothing(lab: LabState) -> None:
    before = first_processes(lab)
    progress = Silent()
    began = time.monotonic()
    again = bring_up(progress=progress)
    assert time.monotonic() - began < 5
    assert again == lab
    assert first_processes(again) == before
    assert progress.titles == []


def test_the_pair_replicates_synchronously_and_survives_a_read_by_the_probe(lab: LabState, estate: Cmdb) -> None:
    row = sql(estate, "core-db-1", "select application_name, state, sync_state from pg_stat_replication")
    assert row == "core-db-2|streaming|sync"
    for prober in ("mon-1", "core-app-1"):
        write = (
            "insert into drillbook_probe values ('t', current_setting('application_name'), 1) on conflict do nothing"
        )
        as_probe = f'PGPASSFILE={PASSFILE} PGAPPNAME=$2 psql -X -h 10.213.0.100 -U probe -d core -c "$1"'
        on(estate, prober, as_probe, write, prober)
    assert sql(estate, "core-db-2", "select count(*) from pg_stat_wal_receiver where status = 'streaming'") == "1"
    time.sleep(0.2)
    count = 'runuser -u postgres -- psql -X -A -t -d core -c "$1"'
    assert on(estate, "core-db-2", count, "select count(*) from drillbook_probe where run = 't'") == "2"


def test_nothing_but_ssh_starts_by_itself(lab: LabState, estate: Cmdb) -> None:
    """Whatever the packages of the image bring, units or init scripts. The host has no service of its own."""
    units = "systemctl list-units --type=service --state=running --plain --no-legend | cut -d ' ' -f 1"
    assert set(on(estate, "core-app-1", units).split()) == {"dbus.service", "ssh.service", "systemd-journald.service"}
    assert on(estate, "core-app-1", "ss -Htln4 | awk '{print $4}'").split() == ["0.0.0.0:22"]


def test_rewinding_works_without_a_superuser_either_way(lab: LabState, estate: Cmdb) -> None:
    """The rights that pg_rewind needs at its source, as the replication account, from the other member."""
    ask = "select length(pg_read_binary_file('PG_VERSION', 0, 2, true)), count(*) from pg_ls_dir('.', true, false)"
    for here, there in (("core-db-1", "10.213.0.12"), ("core-db-2", "10.213.0.11")):
        script = 'runuser -u postgres -- psql -X -A -t -h "$1" -U replicator -d postgres -c "$2"'
        assert on(estate, here, script, there, ask).startswith("2|")


def test_a_database_does_not_start_with_its_host(lab: LabState, estate: Cmdb) -> None:
    for item in ("core-db-1", "core-db-2"):
        assert on(estate, item, "systemctl is-enabled core-db.service || true") == "static"
        enabled = on(estate, item, "systemctl list-unit-files --state=enabled --no-legend | cut -d' ' -f1")
        assert not [unit for unit in enabled.split() if "postgres" in unit or "core-db" in unit]


def test_a_host_with_another_key_is_refused_and_made_anew(lab: LabState, estate: Cmdb) -> None:
    before = dict(lab.hosts)
    change = """
    rm /etc/ssh/ssh_host_ed25519_key*
    ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
    systemctl restart ssh
    """
    on(estate, "mon-1", change)
    target = Target("mon-1", "10.213.0.31", 22, "root", PowerControl("lab", {}))
    with pytest.raises(HostKeyRefused):
        HostConnection(target, lab_access()).open()
    status = lifecycle.status(estate, lab_environment(estate), root=ROOT)
    assert [host.item for host in status.hosts if host.problem] == ["mon-1"]

    after = bring_up().hosts
    assert_whole(estate)
    assert after["mon-1"].container_id != before["mon-1"].container_id
    assert {item: host for item, host in after.items() if item != "mon-1"} == {
        item: host for item, host in before.items() if item != "mon-1"
    }


def test_power_off_is_quick_and_true_and_on_brings_a_harmless_host(lab: LabState, estate: Cmdb) -> None:
    power = LabPower("core-db-1")
    assert power.state() is PowerState.ON
    began = time.monotonic()
    power.off()
    took = time.monotonic() - began
    assert took < 0.5
    assert power.state() is PowerState.OFF
    power.off()
    with socket.socket() as knock:
        knock.settimeout(0.3)
        assert knock.connect_ex(("10.213.0.11", 22)) != 0

    power.on()
    power.on()
    assert power.state() is PowerState.ON
    wait_for_ssh(estate, "core-db-1")
    assert on(estate, "core-db-1", "systemctl is-active core-db.service || true") == "inactive"
    assert "10.213.0.100" not in on(estate, "core-db-1", "ip -4 address show")
    assert on(estate, "core-db-1", "cat /var/lib/postgresql/15/core/PG_VERSION") == "15"

    bring_up()
    assert_whole(estate)


def test_a_power_control_that_fails_or_lies(lab: LabState) -> None:
    power = LabPower("mon-1")
    pid = vitals.init_pid(read_state().hosts["mon-1"].container_id)
    fault = POWER_DIR / "mon-1"
    try:
        fault.write_text(FAILS)
        for call in (power.state, power.off, power.on):
            with pytest.raises(HostUnreachable, match="mon-1: its power control does not answer"):
                call()
        fault.write_text(LIES)
        power.off()
        assert power.state() is PowerState.OFF
    finally:
        fault.unlink()
    assert vitals.init_pid(read_state().hosts["mon-1"].container_id) == pid
    assert power.state() is PowerState.ON
