"""A full disk, a file that goes bad and a wrong clock, on real hosts; and that none of them leads out of the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drillbook.clock import SystemClock
from drillbook.drill.injection import Injection
from drillbook.drill.model import FaultSpec
from drillbook.drill.observations import Observations
from drillbook.errors import StepFailed
from drillbook.journal.writer import Journal
from drillbook.lab import outside
from drillbook.lab.faults import heal_all, make_fault
from drillbook.lab.faults.disk import MOST
from drillbook.lab.power import LabPower
from drillbook.lab.state import STATE_DIR
from tests.lab.faults_help import OTHER, VICTIM, cid, heal_victim, injected, says

pytestmark = pytest.mark.lab


@pytest.fixture(autouse=True)
def place(lab, do):
    """A directory on the victim's disk, with some content."""
    do(
        "mkdir -p /srv/place/sub && cd /srv/place && seq 1 20000 > a && ln -sf a link && echo old > sub/b && "
        "chmod 640 sub/b"
    )
    yield "/srv/place"
    heal_victim(lab)
    do("rm -rf /srv/place")


def refused(lab, kind, **options):
    """What is said of a fault that cannot be made; nothing when it was made."""
    fault = make_fault(kind, VICTIM, options, lab=lab)
    try:
        fault.inject()
    except StepFailed as error:
        return error.message
    finally:
        fault.heal()
    return ""


def content(do):
    return do("cd /srv/place && find . -printf '%p %y %m %T@ %U %l\\n' | sort && cat a sub/b | sha256sum")


# --- a full disk ---------------------------------------------------------------------------------


def test_a_full_disk_refuses_what_is_more_and_keeps_what_was_written(lab, do):
    before = content(do)
    with injected(lab, "disk_full", path="/srv/place"):
        assert content(do) == before
        assert "No space left" in do("echo more > /srv/place/more")
        assert "100%" in do("df /srv/place")
        assert do("echo less > /srv/elsewhere && cat /srv/elsewhere && rm /srv/elsewhere") == "less"
        assert do("echo new > /srv/place/sub/b && cat /srv/place/sub/b") == "new"  # within its page
        do("rm /srv/place/a /srv/place/link /srv/place/more")
        assert do("echo more > /srv/place/more && cat /srv/place/more") == "more"  # there is room again
    assert do("cd /srv/place && ls && cat more sub/b && stat -c %a sub/b") == "more\nsub\nmore\nnew\n640"
    assert "drillbook_" not in do("cat /proc/self/mountinfo")


def test_a_full_disk_that_nobody_used_leaves_everything_as_it_was(lab, do):
    before = content(do)
    with injected(lab, "disk_full", path="/srv/place"):
        pass
    assert content(do) == before


def test_some_room_is_left(lab, do):
    with injected(lab, "disk_full", path="/srv/place", leave="64 KiB"):
        assert do("head -c 60000 /dev/zero > /srv/place/b") == ""
        assert "No space left" in do("head -c 60000 /dev/zero > /srv/place/c")


def test_an_empty_directory_is_full_too(lab, do):
    do("mkdir /srv/place/empty")
    with injected(lab, "disk_full", path="/srv/place/empty"):
        assert "No space left" in do("echo x > /srv/place/empty/x")
        assert do("ls /srv/place/empty") == "x"


def test_a_service_with_mounts_of_its_own_meets_it_too(lab, do):
    """Also one that was started before, and sees the directory through a mount namespace of its own."""
    do("rm -f /run/go; systemd-run --collect --unit=apart -p PrivateTmp=yes "
       "sh -c 'until [ -e /run/go ]; do sleep 0.1; done; echo much > /srv/place/much; sleep 60'")  # fmt: skip
    try:
        with injected(lab, "disk_full", path="/srv/place"):
            do("touch /run/go")
            assert outside.until(lambda: do("test -e /srv/place/much && echo there") == "there", timeout=20)
            time.sleep(1)
            assert do("stat -c %s /srv/place/much") == "0"
    finally:
        do("systemctl stop apart; rm -f /run/go")


def test_who_writes_while_it_is_healed_gets_room_and_is_named(lab, do):
    fault = make_fault("disk_full", VICTIM, {"path": "/srv/place"}, lab=lab)
    assert fault.inject().verified
    do("systemd-run --collect --unit=holder sh -c 'exec sleep 600 >> /srv/place/sub/b'")
    try:
        with pytest.raises(StepFailed, match=r"sleep on core-app-1 writes below /srv/place"):
            fault.heal()
        assert do("echo more > /srv/place/more && cat /srv/place/more") == "more"
    finally:
        do("systemctl stop holder")
    fault.heal()
    assert do("cat /srv/place/more; grep -c drillbook_ /proc/self/mountinfo") == "more\n0"


CANNOT_BE_FULL = {
    "/": "whole disk", "/etc": "another mount lies in /etc", "/proc": "own disk", "/run": "own disk",
    "/dev/shm": "own disk", "/srv/place/a": "no directory", "/srv/none": "No such file",
    "/srv/../etc": "another mount lies in /etc", "/srv/place/out": "own disk", "/srv/place/busy": "works in",
    "/srv/place/big": "more in the directory", "/srv/place/odd": "neither file nor directory",
}  # fmt: skip


def test_what_cannot_be_full_is_refused_and_left_alone(lab, do):
    do(
        f"cd /srv/place && ln -s /proc/1/root/proc out && mkdir busy big odd && truncate -s {MOST + 1} big/f && "
        "mkfifo odd/p"
    )
    do("systemd-run --collect --unit=holder sh -c 'exec sleep 600 > /srv/place/busy/f'")
    try:
        said = {path: refused(lab, "disk_full", path=path) for path in CANNOT_BE_FULL}
    finally:
        do("systemctl stop holder")
    assert {path: words for path, words in said.items() if CANNOT_BE_FULL[path] not in words} == {}
    assert all(words.startswith(f"the disk of {VICTIM} cannot be filled: ") for words in said.values())
    assert do("grep -c drillbook_ /proc/self/mountinfo") == "0"


# --- a file that goes bad ---------------------------------------------------------------------------


def test_a_file_goes_bad_as_the_seed_says_and_is_mended(lab, do):
    before = content(do)
    good = do("sha256sum /srv/place/a")
    seen = []
    for seed in (1, 1, 2):
        with injected(lab, "corrupt_file", path="/srv/place/a", bytes=10, seed=seed):
            assert do("cmp -l <(seq 1 20000) /srv/place/a | wc -l") == "10"
            seen.append(do("sha256sum /srv/place/a"))
            assert do("stat -c '%s %Y' /srv/place/a") == do("stat -c '%s %Y' /srv/place/link -L")
        assert do("sha256sum /srv/place/a") == good
    assert seen[0] == seen[1] != seen[2]
    assert content(do) == before


def test_bytes_that_were_written_meanwhile_stay(lab, do):
    with injected(lab, "corrupt_file", path="/srv/place/a", bytes=4096, seed=5):
        do("printf 'ANEW' | dd of=/srv/place/a bs=1 seek=1000 conv=notrunc 2>/dev/null")
    assert do("cmp -l <(seq 1 20000) /srv/place/a | wc -l") == "4"
    assert do("head -c 1004 /srv/place/a | tail -c 4") == "ANEW"


@pytest.mark.parametrize("replaced", ["seq 2 20001 > /srv/place/n; mv /srv/place/n /srv/place/a", "rm /srv/place/a"])
def test_a_file_that_was_replaced_is_left_alone(lab, do, replaced):
    with injected(lab, "corrupt_file", path="/srv/place/a"):
        do(replaced)
        said = do("sha256sum /srv/place/a")
    assert do("sha256sum /srv/place/a") == said
    assert not list((STATE_DIR / "faults" / VICTIM).glob("*"))


def test_a_file_is_corrupted_once_so_that_what_it_was_is_not_forgotten(lab, do):
    with injected(lab, "corrupt_file", path="/srv/place/a"), pytest.raises(StepFailed, match="corrupted already"):
        make_fault("corrupt_file", VICTIM, {"path": "/srv/place/a", "seed": 9}, lab=lab).inject()
    assert do("cmp <(seq 1 20000) /srv/place/a") == ""


def test_a_bad_file_outlasts_the_power_and_is_mended_after(lab, do, to):
    fault = make_fault("corrupt_file", VICTIM, {"path": "/srv/place/a"}, lab=lab)
    fault.inject()
    LabPower(VICTIM).off()
    fault.heal()
    heal_victim(lab)
    LabPower(VICTIM).on()
    assert outside.until(lambda: says(lab) == "SSH-2.0", timeout=20)
    to(VICTIM).close()
    assert do("cmp -l <(seq 1 20000) /srv/place/a | wc -l") == "64"
    heal_victim(lab)
    assert do("cmp <(seq 1 20000) /srv/place/a") == ""


@pytest.fixture
def canary():
    """A file of this machine that a host may try to have written."""
    path = STATE_DIR / "canary"
    path.write_text("untouched\n" * 100)
    yield path
    path.unlink()


OUTSIDE = (
    "{canary}", "/srv/place/out", "/srv/place/up", "/proc/1/root{canary}", "/srv/../../../..{canary}", "/srv/place/sub",
    "/etc/hostname", "/proc/sys/kernel/hostname", "/sys/kernel/mm/ksm/run", "/dev/null", "/srv/place/pipe",
    "/srv/place/device", "/run/x", "/srv/place/empty", "/srv/place/loop", "/proc/self/mem", "/proc/1/mem",
)  # fmt: skip


def test_no_path_leads_out_of_the_host(lab, do, canary):
    do(f"cd /srv/place && ln -s {canary} out && ln -s ../../../../../..{canary} up && ln -s loop loop")
    do("cd /srv/place; mkfifo pipe; touch empty; echo x > /run/x; mknod device b 7 0")
    watched = lambda: (canary.read_bytes(), canary.stat().st_mtime_ns, Path("/etc/hostname").read_bytes())  # noqa: E731
    before = watched()
    said = {path: refused(lab, "corrupt_file", path=path.format(canary=canary)) for path in OUTSIDE}
    assert {path: words for path, words in said.items() if "cannot be corrupted" not in words} == {}
    assert watched() == before
    assert not list((STATE_DIR / "faults" / VICTIM).glob("*"))


# --- a wrong clock ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "seconds"), [("+1 h", 3600), ("-2 d", -172_800)])
def test_what_is_started_reads_another_time(lab, do, to, by, seconds):
    wrong = lambda: round(int(do("date +%s").splitlines()[-1]) - time.time())  # noqa: E731
    # As the engine starts every effect of a step: it must end.
    of_a_service = lambda: int(do("systemd-run --quiet --wait --pipe date +%s"))  # noqa: E731
    with injected(lab, "wrong_clock", by=by):
        to(VICTIM).close()
        assert abs(wrong() - seconds) <= 2
        assert abs(of_a_service() - time.time() - seconds) <= 3
        other = int(do("runuser -u nobody -- date +%s"))
        assert abs(other - time.time() - seconds) <= 3
        assert abs(int(do("date +%s", OTHER)) - time.time()) <= 2
        assert do("systemctl restart ssh && systemctl is-active ssh") == "active"
        assert abs(wrong() - seconds) <= 2
        with pytest.raises(StepFailed, match="wrong already"):
            make_fault("wrong_clock", VICTIM, {"by": by}, lab=lab).inject()
    to(VICTIM).close()
    assert abs(wrong()) <= 2
    assert abs(of_a_service() - time.time()) <= 3
    assert do("cat /etc/environment; ls /run/systemd/system/service.d") == ""
    do("systemctl restart ssh")


# --- in a drill ---------------------------------------------------------------------------------------


def test_a_drill_takes_the_last_fault_away_first(lab, do, estate, tmp_path):
    """A full disk may lie over the file that went bad before: in the other order that would stay bad."""
    before = content(do)
    seen = Observations()
    specs = [
        FaultSpec("corrupt_file", (VICTIM,), None, 0.0, None, {"path": "/srv/place/a"}, 1),
        FaultSpec("disk_full", (VICTIM,), None, 0.1, None, {"path": "/srv/place"}, 2),
    ]
    faults = Injection(specs, lab=lab, cmdb=estate, seen=seen, say=lambda _: None)
    journal = Journal.create(tmp_path / "journal.jsonl", SystemClock())
    faults.start(journal)
    assert [each.verified for each in seen.faults] == [True, True]
    assert content(do) != before
    faults.heal(journal)
    journal.close()
    assert content(do) == before
    assert seen.faults[1].healed < seen.faults[0].healed
    assert seen.trouble == []


# --- after a drill that was killed --------------------------------------------------------------------

_DIES = """
import os, signal, sys, json
from drillbook.lab.faults import make_fault
from drillbook.lab.state import read_state
for kind, options in json.loads(sys.argv[1]):
    assert make_fault(kind, sys.argv[2], options, lab=read_state()).inject().verified, kind
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_everything_is_gone_after_a_drill_that_was_killed(lab, do, to):
    before = content(do)
    faults = [
        ("corrupt_file", {"path": "/srv/place/a"}),
        ("disk_full", {"path": "/srv/place"}),
        ("slow_link", {"rate": "10 mbit"}),
        ("wrong_clock", {"by": "+1 d"}),
        ("partition", {"direction": "out"}),
    ]
    argv = [sys.executable, "-c", _DIES, json.dumps(faults), VICTIM]
    died = subprocess.run(argv, env=os.environ, capture_output=True, text=True, check=False)
    assert died.returncode == -9, died.stderr
    heal_all(lab)
    heal_victim(lab)
    to(VICTIM).close()
    assert content(do) == before
    assert abs(int(do("date +%s")) - time.time()) <= 2
    assert "tbf" not in outside.in_network(cid(lab), ["tc", "qdisc", "show"])
    assert "drillbook_" not in do("cat /proc/self/mountinfo")


def test_a_fault_of_a_host_that_is_off_is_refused_and_healing_it_is_not(lab, do, to):
    LabPower(VICTIM).off()
    try:
        for kind, options in (
            ("disk_full", {"path": "/srv/place"}), ("corrupt_file", {"path": "/srv/place/a"}),
            ("slow_link", {"rate": "1 mbit"}), ("wrong_clock", {"by": "+1 d"}),
        ):  # fmt: skip
            with pytest.raises(StepFailed, match="not running"):
                make_fault(kind, VICTIM, options, lab=lab).inject()
            make_fault(kind, VICTIM, options, lab=lab).heal()
    finally:
        LabPower(VICTIM).on()
    assert outside.until(lambda: says(lab) == "SSH-2.0", timeout=20)
    to(VICTIM).close()
