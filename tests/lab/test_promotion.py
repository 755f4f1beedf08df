"""A cold spare on real hosts: what refuses a promotion, what it gets over, and that the spare is cold afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import DrillbookError
from drillbook.hosts.connection import Hosts
from drillbook.lab.access import lab_access
from drillbook.lab.power import LabPower
from drillbook.plan.targets import target_of
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Cmdb

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

PROTECTION, PRIMARY, SPARE, WITNESS, STORE, NEIGHBOUR = (
    "web-spare", "web-1", "spare-1", "mon-1", "backup-1", "proxy-1",
)  # fmt: skip
ADDRESS, INTERFACE = "10.213.0.152", "eth0"
NOTES = f"/var/lib/drillbook/snapshots/{PROTECTION}.jsonl"
STANDBY = "/var/lib/drillbook/standby"
PASSWORD = f"/etc/drillbook/secrets/{PROTECTION}"
REPOSITORY = f"/srv/snapshots/{PROTECTION}"


class Ground:
    """The hosts of one cold standby, and runs on them."""

    def __init__(self, estate: Cmdb) -> None:
        items = (PRIMARY, SPARE, WITNESS, STORE, NEIGHBOUR)
        self.hosts = Hosts({item: target_of(estate, item, "lab") for item in items}, lab_access())

    def sh(self, item: str, script: str) -> str:
        """Run a script on a host; it must succeed."""
        done = self.hosts[item].run(["/bin/sh", "-eu", "-c", script], timeout=60)
        assert done.exit_code == 0, f"{item}: {done.stderr}"
        return done.stdout

    def child(self, *arguments: str) -> tuple[int, str, str]:
        """Run the engine in a process of its own; give its exit code, the run's id and what it said."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.crash.child", *arguments],
            cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return done.returncode, (done.stdout.split() or [""])[-1], done.stderr

    def run(self, runbook: str, after: int = 0) -> tuple[int, str, str]:
        return self.child("run", runbook, str(after), f"protection={PROTECTION}")

    def must(self, runbook: str) -> None:
        code, _, said = self.run(runbook)
        assert code == 0, said

    def kill(self) -> None:
        LabPower(PRIMARY).off()
        self.hosts[PRIMARY].close()

    def holder(self) -> str:
        return self.sh(WITNESS, f"cat /srv/holders/{PROTECTION}").strip()

    def has_address(self, item: str) -> bool:
        return f" {ADDRESS}/" in self.sh(item, f"ip -o address show dev {INTERFACE}")

    def boots(self, item: str) -> None:
        """Switch a host on and wait until it lets us in."""
        LabPower(item).on()
        for _ in range(100):
            self.hosts[item].close()
            try:
                self.sh(item, "systemctl is-active drillbook-hold.service")
            except (DrillbookError, AssertionError):
                time.sleep(0.2)
                continue
            return
        pytest.fail(f"{item} does not come up")

    def page(self) -> str:
        return self.sh(WITNESS, f"curl -sS --noproxy '*' --max-time 3 http://{ADDRESS}/index.html")

    def serves(self) -> None:
        for _ in range(100):
            try:
                if "Harbour" in self.page():
                    return
            except AssertionError:
                pass
            time.sleep(0.1)
        pytest.fail("users get no page")


@pytest.fixture(scope="module")
def ground(estate: Cmdb, lab: object) -> Iterator[Ground]:
    """Two verified snapshots, the newer one with content that only it has; the primary holds the role."""
    found = Ground(estate)
    found.must("RB-STANDBY-SNAPSHOT")
    found.sh(PRIMARY, "head -c 3000000 /dev/urandom > /srv/www/newer.bin")
    found.must("RB-STANDBY-SNAPSHOT")
    yield found
    found.sh(PRIMARY, f"rm -rf /srv/www/newer.bin {STANDBY}")


@pytest.fixture
def dead(ground: Ground) -> Iterator[Ground]:
    """The primary has lost its power; it comes back when the spare does not stand in for it."""
    ground.kill()
    yield ground
    if ground.holder() == PRIMARY:
        ground.boots(PRIMARY)
        ground.serves()


def refused(ground: Ground, code: int, *words: str) -> str:
    """Run the promotion, which must end so, and roll back what it did; give what it said."""
    found, run, said = ground.run("RB-STANDBY-PROMOTION")
    assert found == code, said
    assert all(word in said for word in words), said
    if code == 8:
        back, _, why = ground.child("rollback", run, "0")
        assert back == 0 or "had ended before (refused)" in why, why  # where only a look failed, it is closed
    assert ground.holder() == PRIMARY
    assert not ground.has_address(SPARE)
    assert not ground.sh(SPARE, "ls /etc/drillbook/roles")
    left = ground.sh(SPARE, f"ls {STANDBY}/{PROTECTION} 2>/dev/null || :").split()
    assert set(left) <= {"cold", "manifest.sh"}  # of an earlier promotion that was given back
    return said


def test_a_host_that_is_alive_is_left_alone(ground: Ground) -> None:
    refused(ground, 5, "alive")
    assert LabPower(PRIMARY).state() == "on"
    ground.serves()


def test_a_spare_in_use_is_refused(dead: Ground) -> None:
    dead.sh(SPARE, "mkdir -p /etc/drillbook/roles; touch /etc/drillbook/roles/proxy-spare.conf")
    try:
        code, _, said = dead.run("RB-STANDBY-PROMOTION")
    finally:
        dead.sh(SPARE, "rm /etc/drillbook/roles/proxy-spare.conf")
    assert code == 5, said
    assert "the spare is in use: it holds proxy-spare" in said
    assert dead.holder() == PRIMARY


def with_notes(ground: Ground, change: str) -> None:
    """Change the notes of the snapshots by a script of sed, and keep them as they were beside."""
    ground.sh(STORE, f"cp {NOTES} /root/notes; sed -i '{change}' {NOTES}")


@pytest.fixture
def notes(dead: Ground) -> Iterator[Ground]:
    yield dead
    dead.sh(STORE, f"if [ -f /root/notes ]; then mv /root/notes {NOTES}; fi")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("d", 5, ["there is no snapshot"]),
        ('s/"taken": "20../"taken": "2001/', 5, ["at most 24 h is allowed"]),
        ('s/"ok": true/"ok": false/', 5, ["no snapshot of web-spare is verified"]),
        ('s/"size": [0-9]*/"size": 999999999999999/', 8, ["the spare is too small"]),
    ],
)
def test_without_a_snapshot_that_fits_nothing_is_begun(notes: Ground, change: str, code: int, words: list[str]) -> None:
    with_notes(notes, change)
    refused(notes, code, *words)


def test_a_full_disk_ends_it_and_is_said(notes: Ground) -> None:
    with_notes(notes, 's/"size": [0-9]*/"size": 1/')
    # A file system with room for hardly any file: to df it is empty.
    notes.sh(SPARE, f"mkdir -p {STANDBY}; mount -t tmpfs -o size=200m,nr_inodes=60 none {STANDBY}")
    try:
        code, run, said = notes.run("RB-STANDBY-PROMOTION")
        assert code == 8, said
        assert "the spare's disk is full" in said
        assert notes.child("rollback", run, "0")[0] == 0
    finally:
        notes.sh(SPARE, f"umount {STANDBY}")
    assert notes.holder() == PRIMARY


@pytest.fixture
def password(ground: Ground) -> Iterator[None]:
    """What the places of the password hold is put back afterwards."""
    for place in (STORE, WITNESS):
        ground.sh(place, f"cp -p {PASSWORD} /root/password")
    yield
    for place in (STORE, WITNESS):
        ground.sh(place, f"mv /root/password {PASSWORD}")


@pytest.mark.usefixtures("password")
def test_without_the_right_password_it_stops_and_goes_back(dead: Ground) -> None:
    dead.sh(STORE, f"rm {PASSWORD}")
    dead.sh(WITNESS, f"echo wrong > {PASSWORD}")
    refused(dead, 8, "the password of web-spare's snapshots is missing")


def test_a_spare_that_cannot_be_reached_is_told(dead: Ground) -> None:
    LabPower(SPARE).off()
    try:
        code, _, said = dead.run("RB-STANDBY-PROMOTION")
    finally:
        dead.hosts[SPARE].close()
        dead.boots(SPARE)
    assert code != 0
    assert f"HostUnreachable: {SPARE}" in said
    assert dead.holder() == PRIMARY


@pytest.mark.usefixtures("password")
def test_a_damaged_newest_snapshot_and_a_stranger_on_the_address_and_the_way_back(dead: Ground) -> None:
    """One promotion: falls back to the older snapshot, stops at the stranger, goes on, and gives the role back.

    All the time the first place of the password gives a wrong one.
    """
    dead.sh(STORE, f"echo wrong > {PASSWORD}")
    dead.sh(SPARE, "rm -rf /root/before; cp -a /etc /root/before")
    newest = json.loads(dead.sh(STORE, f"tail -n 1 {NOTES}"))["archive"]
    # The newest segments with content are what only the newest snapshot has.
    segment = dead.sh(STORE, f"find {REPOSITORY}/data -type f -size +1000k | sort -V | tail -n 1").strip()
    dead.sh(STORE, f"cp -p {segment} /root/segment; printf BROKEN | dd of={segment} bs=1 seek=500000 conv=notrunc 2>&1")
    dead.sh(NEIGHBOUR, f"ip address add {ADDRESS}/24 dev {INTERFACE}")
    try:
        code, run, said = dead.run("RB-STANDBY-PROMOTION")
    finally:
        dead.sh(NEIGHBOUR, f"ip address del {ADDRESS}/24 dev {INTERFACE}")
        dead.sh(STORE, f"cat /root/segment > {segment}; rm /root/segment")
    assert code == 8, said
    assert f"{ADDRESS} is still answered by" in said
    assert not dead.has_address(SPARE)
    journal = (ROOT / ".drillbook" / "runs" / run / "journal.jsonl").read_text()
    assert f"the passphrase of {PROTECTION} that {STORE} gives is wrong" in journal
    assert f"the snapshot {newest} is damaged, going on with the one before" in journal
    code, _, said = dead.child("resume", run, "0")
    assert code == 0, said
    dead.serves()
    assert dead.sh(SPARE, "hostname; ls /srv/www").split()[0] == PRIMARY
    assert "newer.bin" not in dead.sh(SPARE, "ls /srv/www")
    dead.sh(SPARE, "echo written-meanwhile > /srv/www/meanwhile.txt")
    # What nobody's promotion brought stays: the proof names it at once, not after the step's ten minutes.
    dead.sh(SPARE, "touch /etc/somebodys /usr/local/bin/somebodys")
    code, run, said = dead.run("RB-STANDBY-FAILBACK")
    assert code == 8, said
    assert "not as it was when cold: ./etc/somebodys, ./usr/local/bin/somebodys" in said
    dead.serves()
    dead.sh(SPARE, "rm /etc/somebodys /usr/local/bin/somebodys")
    code, _, said = dead.child("resume", run, "0")
    assert code == 0, said
    assert dead.sh(PRIMARY, "cat /srv/www/meanwhile.txt; rm /srv/www/meanwhile.txt").strip() == "written-meanwhile"
    # What was written after the snapshot, and was not in it, is set aside on the repaired host.
    assert "newer.bin" in dead.sh(PRIMARY, f"ls {STANDBY}/{PROTECTION}/before/srv/www")
    dead.sh(SPARE, "diff -r --no-dereference /root/before /etc; rm -rf /root/before")
    assert dead.sh(SPARE, "hostname").strip() == SPARE
    assert not dead.has_address(SPARE)
    assert dead.sh(SPARE, f"ls {STANDBY}/{PROTECTION}").split() == ["cold", "manifest.sh"]


def test_a_host_that_comes_back_in_the_middle_stays_silent(dead: Ground) -> None:
    """The engine dies after the fence, the old host boots, and a resume goes on."""
    killed_after = 22
    code, run, said = dead.run("RB-STANDBY-PROMOTION", after=killed_after)
    assert code == -9, said
    journal = (ROOT / ".drillbook" / "runs" / run / "journal.jsonl").read_text()
    records = [json.loads(line) for line in journal.splitlines()]
    assert any(each["kind"] == "step.done" and each["data"]["step"] == "fence" for each in records)
    assert dead.holder() == SPARE
    dead.boots(PRIMARY)
    assert not dead.has_address(PRIMARY)
    code, _, said = dead.child("resume", run, "0")
    assert code == 0, said
    dead.serves()
    assert dead.has_address(SPARE)
    if LabPower(PRIMARY).state() == "on":
        dead.hosts[PRIMARY].close()
        assert not dead.has_address(PRIMARY)
    dead.must("RB-STANDBY-FAILBACK")
    dead.serves()
