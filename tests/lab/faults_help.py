"""What the tests of faults on real hosts share: a victim, connections, faults that are healed in the end."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.lab import outside
from drillbook.lab.faults import heal_all, make_fault

VICTIM, OTHER = "core-app-1", "mon-1"


@pytest.fixture(autouse=True)
def healed(lab):
    """Whatever a test leaves behind on the victim is taken away."""
    yield
    heal_victim(lab)


def heal_victim(lab):
    """Do as is done for every host, for the victim alone: eleven hosts take seconds."""
    heal_all(replace(lab, hosts={VICTIM: lab.hosts[VICTIM]}))


def cid(lab, item=VICTIM):
    return lab.hosts[item].container_id


@contextmanager
def injected(lab, kind, **options):
    """A fault of the victim, healed twice in the end: to heal is safe to repeat."""
    fault = make_fault(kind, VICTIM, options, lab=lab)
    others = of_others(lab)
    effect = fault.inject()
    try:
        assert effect.verified, effect.detail.en
        assert effect.began <= effect.effective <= time.monotonic_ns()
        yield effect
        touched = {item for pid, item in others.items() if outside.state(pid) == "T"}
        assert not touched
    finally:
        fault.heal()
        fault.heal()


def of_others(lab):
    """The processes of all hosts but the victim, each with its host's item."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cgroup"):
        try:
            group = path.read_text()
        except OSError:
            continue
        found |= {
            int(path.parts[2]): item
            for item, host in lab.hosts.items()
            if item != VICTIM and host.container_id in group
        }
    assert set(found.values()) == {*lab.hosts} - {VICTIM}
    return found


def answers(address, *, inside=None):
    """Whether there is an answer now."""
    return outside.knock(address, 22, seconds=0.3, inside=inside)


def reached(address, *, inside=None):
    """Whether there is an answer soon: who asked in vain for an address asks again after a second."""
    return outside.until(lambda: answers(address, inside=inside))


def says(lab, item=VICTIM):
    """What sshd of a host says first, or nothing."""
    probe = (
        "import socket,sys;s=socket.create_connection((sys.argv[1],22),0.5);s.settimeout(0.5);print(s.recv(7).decode())"
    )
    argv = [sys.executable, "-I", "-S", "-c", probe, lab.hosts[item].address]
    return subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False).stdout.strip()
