"""A network that passes packets one way only, and a link that is slow, on real hosts."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from drillbook.errors import StepFailed
from drillbook.lab import outside
from drillbook.lab.faults import make_fault
from drillbook.lab.faults.link import SlowLink
from tests.lab.faults_help import (  # noqa: F401 - 'healed' is a fixture
    OTHER,
    VICTIM,
    answers,
    cid,
    heal_victim,
    healed,
    injected,
    reached,
)

pytestmark = pytest.mark.lab

# Broadcasts, which need no answer from anybody, and so tell of one direction alone.
_LISTEN = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.bind(("", 5999)); s.settimeout(float(sys.argv[1]))
print("ready", flush=True)
try:
    print(s.recv(10).decode(), flush=True)
except TimeoutError:
    print("nothing", flush=True)
"""
_SHOUT = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.sendto(b"heard", ("10.213.0.255", 5999))
"""


def heard(lab, speaker, listener):
    """Whether what one host says to all arrives at another."""
    argv = [sys.executable, "-I", "-S", "-c"]
    with outside.started(cid(lab, listener), [*argv, _LISTEN, "0.7"]) as output:
        assert output.readline() == "ready\n"
        outside.in_network(cid(lab, speaker), [*argv, _SHOUT])
        return output.readline() == "heard\n"


@pytest.mark.parametrize(
    ("direction", "to_it", "from_it"), [("in", False, True), ("out", True, False), ("both", False, False)]
)
def test_a_cut_of_one_direction_leaves_the_other(lab, direction, to_it, from_it):
    with injected(lab, "partition", direction=direction):
        assert not answers(lab.hosts[VICTIM].address, inside=cid(lab, OTHER))
        assert heard(lab, OTHER, VICTIM) is to_it
        assert heard(lab, VICTIM, OTHER) is from_it
    assert reached(lab.hosts[VICTIM].address, inside=cid(lab, OTHER))


def test_a_cut_of_one_direction_keeps_who_is_kept(lab):
    with injected(lab, "partition", direction="out", keep=[OTHER]):
        assert reached(lab.hosts[VICTIM].address, inside=cid(lab, OTHER))
        assert not answers(lab.hosts[VICTIM].address, inside=cid(lab, "core-db-2"))


def qdiscs(lab):
    """The queues of the victim, and of this machine's end of its cable."""
    numbers = [int(part) for part in lab.hosts[VICTIM].address.split(".")]
    ours = "dl-" + bytes(numbers).hex()
    own = outside.in_network(cid(lab), ["tc", "qdisc", "show", "dev", "eth0"])
    return own + subprocess.run(["tc", "qdisc", "show", "dev", ours], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("rate", ["100 kbit", "2 mbit", "999 mbit"])
def test_a_slow_link_is_slow_both_ways_and_fast_again(lab, rate):
    with injected(lab, "slow_link", rate=rate):
        assert qdiscs(lab).count("tbf") == 2
    assert "tbf" not in qdiscs(lab)


def test_what_another_host_fetches_over_a_slow_link_comes_slowly(lab, do):
    do(
        "mkdir /srv/much && head -c 200000 /dev/zero > /srv/much/much; "
        "systemd-run --quiet --collect --unit=much python3 -m http.server 5998 --directory /srv/much"
    )
    fetch = (
        "import socket,sys;s=socket.create_connection((sys.argv[1],5998),5);s.settimeout(20);"
        's.sendall(b"GET /much HTTP/1.0\\r\\n\\r\\n");n=0\n'
        "while part:=s.recv(65536): n+=len(part)\nprint(n)"
    )
    argv = [sys.executable, "-I", "-S", "-c", fetch, lab.hosts[VICTIM].address]

    def seconds():
        begun = time.monotonic()
        assert int(outside.in_network(cid(lab, OTHER), argv)) > 200_000
        return time.monotonic() - begun

    try:
        assert outside.until(lambda: "5998" in do("ss -Htln"))
        fast = seconds()
        with injected(lab, "slow_link", rate="2 mbit"):
            slow = seconds()
        # 200 kB at 2 Mbit/s are 0.8 s: not a matter of how fast this machine is.
        assert slow > 0.5
        assert slow > fast
    finally:
        do("systemctl stop much; rm -r /srv/much")


def test_a_slow_link_is_gone_after_a_drill_that_was_killed(lab):
    make_fault("slow_link", VICTIM, {"rate": "1 mbit"}, lab=lab).inject()
    heal_victim(lab)
    heal_victim(lab)
    assert "tbf" not in qdiscs(lab)


def test_a_kernel_without_the_token_bucket_is_told_of(lab, monkeypatch):
    fault = SlowLink(lab.hosts[VICTIM], 1_000_000)
    monkeypatch.setattr(SlowLink, "_burst", lambda _self: -1)
    with pytest.raises(StepFailed, match=f"the link of {VICTIM} cannot be made slow"):
        fault.inject()
    assert "tbf" not in qdiscs(lab)
