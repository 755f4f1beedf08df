"""The lab itself: it is left alone when whole, heals from anything, and leaves nothing behind.

It has few hosts here: what heals four of them heals any number, and they are made anew again and again.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.drill.kinds import PASSFILE
from drillbook.errors import HostKeyRefused, HostUnreachable, Locked, Refused
from drillbook.hosts.connection import HostConnection
from drillbook.hosts.power import PowerState
from drillbook.lab import health, lifecycle, machine, network, podman, vitals
from drillbook.lab.access import lab_access
from drillbook.lab.image import Recipe
from drillbook.lab.power import FAILS, LIES, LabPower
from drillbook.lab.spec import specs_from
from drillbook.lab.state import LAB, POWER_DIR, RUN_DIR, STATE_DIR, read_state
from drillbook.plan.model import PowerControl, Target
from drillbook.tasks.lab import lab_environment
from tests.estate_copy import NO_CACHES
from tests.lab import conftest
from tests.lab.conftest import ROOT, Silent
from tests.lab.few_hosts import HOSTS, few_hosts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.spec import HostSpec
    from drillbook.lab.state import LabState

pytestmark = pytest.mark.lab

BUILD = """
from pathlib import Path
from drillbook.console.progress import progress_for
from drillbook.lab.image import Recipe, ensure_image
ensure_image(Recipe.from_fields({"suite": "bookworm"}), progress_for())
"""


@pytest.fixture(scope="module")
def estate() -> Cmdb:
    """This checkout's CMDB, with few hosts in the lab."""
    return few_hosts()


@pytest.fixture(scope="module")
def lab(lab_machine: None) -> LabState:
    """The lab of few hosts, whole at the beginning of the module."""
    return bring_up()


def bring_up(*, progress: Silent | None = None) -> LabState:
    return conftest.bring_up(cmdb=few_hosts(), progress=progress)


def specs(estate: Cmdb) -> dict[str, HostSpec]:
    return {spec.item: spec for spec in specs_from(estate, lab_environment(estate))}


def first_processes(state: LabState) -> dict[str, int]:
    return {item: vitals.init_pid(host.container_id) for item, host in state.hosts.items()}


def on(estate: Cmdb, item: str, script: str, *values: str) -> str:
    """Run a shell text on a host of the lab and give what it prints; it must succeed."""
    done = health.ssh(specs(estate)[item], script, *values, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wait_for_ssh(estate: Cmdb, item: str) -> None:
    health.wait_booted([specs(estate)[item]], timeout=30)


def sql(estate: Cmdb, item: str, text: str) -> str:
    return on(estate, item, 'runuser -u postgres -- psql -X -A -t -c "$1"', text)


def living(*words: str) -> list[str]:
    """Give the command lines of running processes that hold all of the words (zombies have none)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(line)
    return found


def assert_whole(estate: Cmdb) -> None:
    status = lifecycle.status(estate, lab_environment(estate), root=ROOT)
    assert status.healthy, status
    assert sql(estate, "core-db-1", "select pg_is_in_recovery()") == "f"
    assert sql(estate, "core-db-2", "select pg_is_in_recovery()") == "t"


# Left alone


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


# Keys


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


# The network


@pytest.fixture
def outside() -> Iterator[str]:
    """A host beyond this machine that listens on port 7: a network namespace behind a cable of its own."""
    forwarding = Path("/proc/sys/net/ipv4/ip_forward")
    before = forwarding.read_text()
    setup = """
    set -eu
    ip netns add lab-test-out
    ip link add lab-test-out type veth peer name eth0 netns lab-test-out
    ip addr add 203.0.113.1/30 dev lab-test-out
    ip link set lab-test-out up
    ip -n lab-test-out addr add 203.0.113.2/30 dev eth0
    ip -n lab-test-out link set eth0 up
    ip -n lab-test-out route add default via 203.0.113.1
    """
    listen = (
        "import socket; s = socket.create_server(('203.0.113.2', 7)); print('ready', flush=True)\n"
        "while True: s.accept()[0].close()"
    )
    subprocess.run(["sh", "-c", setup], check=True)
    forwarding.write_text("1")
    server = subprocess.Popen(
        ["ip", "netns", "exec", "lab-test-out", sys.executable, "-c", listen], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == b"ready\n"
        yield "203.0.113.2"
    finally:
        server.kill()
        server.wait()
        assert server.stdout is not None
        server.stdout.close()
        subprocess.run(["ip", "link", "delete", "lab-test-out"], check=True)
        subprocess.run(["ip", "netns", "delete", "lab-test-out"], check=True)
        forwarding.write_text(before)


def test_hosts_reach_neither_the_outside_nor_this_machine(lab: LabState, estate: Cmdb, outside: str) -> None:
    assert on(estate, "mon-1", "ip -4 route show default") == ""
    knock = 'timeout 1 python3 -c "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])))"'
    try_it = f'{knock} "$1" "$2" 2>/dev/null && echo reached || echo "not reached"'
    with socket.create_server(("10.213.0.1", 0)) as here:
        port = str(here.getsockname()[1])
        on(estate, "mon-1", "ip route add default via 10.213.0.1")
        try:
            assert on(estate, "mon-1", try_it, outside, "7") == "not reached"
            assert on(estate, "mon-1", try_it, "10.213.0.1", port) == "not reached"
            # It is the lab's filter that keeps them: without it both are reached.
            subprocess.run(["nft", "delete", "table", "inet", LAB], check=True)
            assert on(estate, "mon-1", try_it, outside, "7") == "reached"
            assert on(estate, "mon-1", try_it, "10.213.0.1", port) == "reached"
        finally:
            network.close_off()
            on(estate, "mon-1", "ip route del default via 10.213.0.1")


def test_a_network_that_overlaps_another_is_refused(lab: LabState) -> None:
    subprocess.run(["ip", "link", "add", "lab-test-net", "type", "bridge"], check=True)
    try:
        subprocess.run(["ip", "addr", "add", "10.214.0.1/16", "dev", "lab-test-net"], check=True)
        subprocess.run(["ip", "link", "set", "lab-test-net", "up"], check=True)
        with pytest.raises(Refused, match=r"10\.214\.3\.0/24 overlaps 10\.214\.0\.0/16"):
            network.refuse_overlap("10.214.3.0/24")
    finally:
        subprocess.run(["ip", "link", "delete", "lab-test-net"], check=True)


# Power


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


def test_a_frozen_host_can_be_switched_off(lab: LabState) -> None:
    container = read_state().hosts["mon-1"].container_id
    for pid in vitals.processes(container):
        os.kill(pid, signal.SIGSTOP)
    power = LabPower("mon-1")
    power.off()
    assert power.state() is PowerState.OFF
    power.on()
    bring_up()


# Healing


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(f"starting {len(HOSTS)} hosts", 0.3), (f"provisioning {len(HOSTS)} hosts", 1.5)],
)
def test_a_killed_up_heals(lab_machine: None, estate: Cmdb, after: str, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.few_hosts"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if after in line:
            break
    time.sleep(seconds)
    assert process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    assert_gone("ansible", str(RUN_DIR))

    bring_up()
    assert_whole(estate)


def assert_gone(*words: str) -> None:
    deadline = time.monotonic() + 20
    while left := living(*words):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_a_killed_build_leaves_no_process_and_no_mount_and_the_next_one_succeeds(lab: LabState) -> None:
    recipe = Recipe.from_fields({"suite": "bookworm"})
    assert not recipe.store.exists()
    mounts = Path("/proc/self/mountinfo").read_text()
    process = subprocess.Popen([sys.executable, "-c", BUILD], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not living("dpkg", "--root", str(recipe.store.parent)) and not living("dpkg", f"new-{recipe.tag}"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert_gone(f"new-{recipe.tag}")
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert not recipe.store.exists()

    try:
        subprocess.run([sys.executable, "-c", BUILD], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        assert recipe.store.is_dir()
        assert not list(recipe.store.parent.glob("new-*"))
    finally:
        shutil.rmtree(recipe.store, ignore_errors=True)


def test_nothing_is_left_below_the_mount_of_version_2_of_cgroups(lab: LabState) -> None:
    """Where both versions are mounted, what crun writes in the place of the second is in a mount of the lab's."""
    below = (
        "! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified; ls -R /sys/fs/cgroup/unified || true"
    )
    done = subprocess.run(["unshare", "--mount", "sh", "-c", below], capture_output=True, text=True, check=True)
    assert not [item for item, host in lab.hosts.items() if host.container_id in done.stdout]


def test_a_host_that_died_is_made_anew_and_the_others_are_left(lab_machine: None, estate: Cmdb) -> None:
    before = bring_up()
    sql(estate, "core-db-1", "create table if not exists kept ()")
    os.kill(vitals.init_pid(before.hosts["mon-1"].container_id), signal.SIGKILL)
    after = bring_up()
    assert_whole(estate)
    assert {item for item in after.hosts if after.hosts[item] != before.hosts[item]} == {"mon-1"}
    assert sql(estate, "core-db-1", "select to_regclass('kept')") == "kept"


def test_a_crash_of_the_machine_is_healed(lab_machine: None, estate: Cmdb) -> None:
    """All processes gone, the mount namespace and the bridge too, files of another boot left behind."""
    before = bring_up()
    vitals.sweep_processes()
    podman.drop_namespace()
    network.drop_bridge()
    note = RUN_DIR / "machine.json"
    known = json.loads(note.read_text())
    note.write_text(json.dumps({**known, "boot_id": "another"}))
    # As after a boot.
    Path("/proc/sys/fs/inotify/max_user_instances").write_text(str(known["inotify_instances"]))
    status = lifecycle.status(estate, lab_environment(estate), root=ROOT)
    assert "restarted" in status.problem
    after = bring_up()
    assert_whole(estate)
    assert not {host.container_id for host in after.hosts.values()} & {
        host.container_id for host in before.hosts.values()
    }


def test_a_lost_mount_namespace_is_healed(lab_machine: None, estate: Cmdb) -> None:
    bring_up()
    podman.drop_namespace()
    bring_up()
    assert_whole(estate)


# Whose it is


def test_another_checkouts_lab_is_refused_in_both_directions(lab_machine: None, estate: Cmdb, tmp_path: Path) -> None:
    before = bring_up()
    other = tmp_path / "checkout"
    shutil.copytree(ROOT / "playbooks", other / "playbooks", ignore=NO_CACHES)
    (other / "cmdb.yaml").touch()
    environment = lab_environment(estate)
    with pytest.raises(Refused, match=f"another checkout: {ROOT}") as caught:
        lifecycle.up(estate, environment=environment, root=other, progress=Silent())
    assert "lab.down" in caught.value.remedy
    with pytest.raises(Refused):
        lifecycle.down(root=other)
    status = lifecycle.status(estate, environment, root=other)
    assert (status.state, status.hosts, status.elsewhere) == (None, (), ROOT)
    assert first_processes(read_state()) == first_processes(before)

    file = STATE_DIR / "lab.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "checkout": str(other)}))
    with pytest.raises(Refused, match=f"another checkout: {other}"):
        bring_up()
    shutil.rmtree(other)
    assert bring_up().checkout == ROOT
    assert_whole(estate)


def test_two_at_once(lab: LabState) -> None:
    with machine.exclusive(), pytest.raises(Locked, match=str(os.getpid())):
        bring_up()


@pytest.fixture
def others() -> Iterator[dict[str, str]]:
    """Objects of somebody else's podman, and how they look."""
    commands = {
        "volume": ["podman", "volume", "inspect", "lab-test-other"],
        "network": ["podman", "network", "inspect", "lab-test-other"],
    }
    for kind in commands:
        subprocess.run(["podman", kind, "create", "lab-test-other"], check=True, capture_output=True)
    subprocess.run(["ip", "link", "add", "lab-test-other", "type", "bridge"], check=True)

    def look() -> dict[str, str]:
        seen = {
            kind: subprocess.run(command, check=True, capture_output=True, text=True).stdout
            for kind, command in commands.items()
        }
        link = subprocess.run(
            ["ip", "-br", "link", "show", "lab-test-other"], check=True, capture_output=True, text=True
        )
        return {**seen, "bridge": link.stdout}

    before = look()
    yield before
    assert look() == before
    for kind in commands:
        subprocess.run(["podman", kind, "rm", "lab-test-other"], check=True, capture_output=True)
    subprocess.run(["ip", "link", "delete", "lab-test-other"], check=True)


def traces() -> dict[str, object]:
    """Everything that the lab could leave on a machine."""
    return {
        "links": sorted(str(path) for name in ("dl-*", LAB) for path in Path("/sys/class/net").glob(name)),
        "mounts": [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if LAB in line],
        "cgroups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/{LAB}")],
        "processes": living(LAB),
        "run": [str(path) for path in (RUN_DIR, Path("/run/crun")) if path.exists()],
        "netns": sorted(str(path) for path in Path("/run").glob("netns/*")),
        "filter": subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout,
        "inotify": Path("/proc/sys/fs/inotify/max_user_instances").read_text(),
    }


def test_down_leaves_nothing_and_up_comes_back(lab_machine: None, estate: Cmdb, others: dict[str, str]) -> None:
    bring_up()
    images = STATE_DIR / "images"
    recipes = sorted(path.name for path in images.iterdir())
    raised = traces()
    lifecycle.down(root=ROOT)
    left = traces()
    for kind in ("links", "mounts", "cgroups", "processes", "run"):
        assert left[kind] == [], kind
        if kind != "run":
            assert raised[kind], kind
    assert LAB not in str(left["filter"])
    assert left["inotify"] != raised["inotify"]
    assert sorted(path.name for path in STATE_DIR.iterdir()) == ["images", "timings.json"]
    lifecycle.down(root=ROOT)
    assert traces() == left

    # With the images put aside, since making them takes most of a minute.
    images.rename(images.parent.with_name("lab-test-images"))
    lifecycle.down(root=ROOT, purge=True)
    assert not STATE_DIR.exists()
    assert traces() == left
    STATE_DIR.mkdir(mode=0o700)
    images.parent.with_name("lab-test-images").rename(images)

    bring_up()
    assert_whole(estate)
    assert sorted(path.name for path in images.iterdir()) == recipes
    assert traces() == {**raised, "processes": traces()["processes"], "filter": traces()["filter"]}
