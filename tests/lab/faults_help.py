"""What the tests of faults on real hosts share: a victim, connections, faults that are healed in the end."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from drillbook.lab import outside
from drillbook.lab.faults import heal_all, make_fault

VICTIM, OTHER = "core-app-1", "mon-1"


@pytest.fixture(autouse=True)
def healed(lab):
    """Whatever a test leaves behind is taken away."""
    yield
    heal_all(lab)


def cid(lab, item=VICTIM):
    return lab.hosts[item].container_id


@contextmanager
def injected(lab, kind, **options):
    """A fault of the victim, healed twice in the end: to heal is safe to repeat."""
    fault = make_fault(kind, VICTIM, options, lab=lab)
    before = {item: outside.processes(cid(lab, item)) for item in lab.hosts if item != VICTIM}
    effect = fault.inject()
    try:
        assert effect.verified, effect.detail.en
        assert effect.began <= effect.effective <= time.monotonic_ns()
        yield effect
        for item, processes in before.items():
            states = [outside.state(pid) for pid in processes]
            assert "T" not in states, f"{item} was touched"
    finally:
        fault.heal()
        fault.heal()


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
