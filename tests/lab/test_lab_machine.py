"""The lab on its machine: closed off from everything, one checkout's at a time, and nothing is left behind."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import Locked, Refused
from drillbook.lab import lifecycle, machine, network
from drillbook.lab.state import LAB, RUN_DIR, STATE_DIR, read_state
from drillbook.tasks.lab import lab_environment
from tests.estate_copy import NO_CACHES
from tests.lab.conftest import ROOT, Silent
from tests.lab.lab_help import MARKS, assert_whole, bring_up, first_processes, living, on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.state import LabState

pytestmark = MARKS


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


def test_nothing_is_left_below_the_mount_of_version_2_of_cgroups(lab: LabState) -> None:
    """Where both versions are mounted, what crun writes in the place of the second is in a mount of the lab's."""
    below = (
        "! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified; ls -R /sys/fs/cgroup/unified || true"
    )
    done = subprocess.run(["unshare", "--mount", "sh", "-c", below], capture_output=True, text=True, check=True)
    assert not [item for item, host in lab.hosts.items() if host.container_id in done.stdout]


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
