"""Faults on real hosts: each does what it says, to its host alone, and is gone when it is healed.

Mostly on the application server, so that the database goes on undisturbed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from drillbook.errors import DrillbookError, StepFailed, UsageError
from drillbook.hosts.power import PowerState
from drillbook.lab import outside
from drillbook.lab.faults import KINDS, inject_together, make_fault
from drillbook.lab.power import LabPower
from drillbook.lab.state import POWER_DIR
from tests.lab.faults_help import (  # noqa: F401 - 'healed' is a fixture
    OTHER,
    VICTIM,
    answers,
    cid,
    heal_victim,
    healed,
    injected,
    reached,
    says,
)
from tests.unit.test_fault_words import OPTIONS

pytestmark = pytest.mark.lab


def test_a_frozen_host_answers_syn_and_nothing_else(lab):
    with injected(lab, "freeze"):
        assert {outside.state(pid) for pid in outside.processes(cid(lab))} == {"T"}
        assert reached(lab.hosts[VICTIM].address)
        assert says(lab) == ""
    assert says(lab) == "SSH-2.0"


def test_hung_ssh_leaves_all_else_running(lab):
    with injected(lab, "hung_ssh"):
        assert says(lab) == ""
        others = [pid for pid in outside.processes(cid(lab)) if pid not in outside.named(cid(lab), "sshd")]
        assert others
        assert "T" not in {outside.state(pid) for pid in others}
    assert says(lab) == "SSH-2.0"


def test_a_session_that_was_open_hangs_and_goes_on_when_healed(lab, to):
    to(VICTIM).run(["true"], timeout=5)
    with injected(lab, "hung_ssh"), pytest.raises(DrillbookError):
        to(VICTIM).run(["true"], timeout=0.5)
    assert to(VICTIM).run(["true"], timeout=5).exit_code == 0


def test_a_partition_cuts_off_everyone_but_those_it_keeps_both_ways(lab):
    address = {item: host.address for item, host in lab.hosts.items()}
    with injected(lab, "partition", keep=[OTHER]):
        assert not answers(address[VICTIM])
        assert reached(address[VICTIM], inside=cid(lab, OTHER))
        assert reached(address[OTHER], inside=cid(lab))
        assert not answers(address[VICTIM], inside=cid(lab, "core-db-2"))
        assert not answers(address["core-db-2"], inside=cid(lab))
        assert reached(address["core-db-2"])
    assert reached(address[VICTIM])
    assert reached(address["core-db-2"], inside=cid(lab))


def test_a_partition_that_keeps_nobody(lab):
    with injected(lab, "partition"):
        assert not answers(lab.hosts[VICTIM].address, inside=cid(lab, OTHER))
    assert reached(lab.hosts[VICTIM].address, inside=cid(lab, OTHER))


def test_a_partitioned_host_does_not_answer_who_has_its_address(lab, to):
    """Else it would keep a service address that another host has taken over."""
    who = ["arping", "-q", "-c", "1", "-w", "1", "-I", "eth0", lab.hosts[VICTIM].address]
    with injected(lab, "partition"):
        assert to(OTHER).run(who, timeout=5).exit_code == 1
    assert to(OTHER).run(who, timeout=5).exit_code == 0


def test_replication_alone_is_cut(lab):
    peer = lab.hosts[OTHER]
    with injected(lab, "isolate_replication", peer=OTHER):
        assert not answers(peer.address, inside=cid(lab))
        assert not answers(lab.hosts[VICTIM].address, inside=peer.container_id)
        assert reached(lab.hosts[VICTIM].address)
        assert reached(peer.address)
        assert reached(lab.hosts["core-db-2"].address, inside=cid(lab))
    assert reached(peer.address, inside=cid(lab))


def test_two_cuts_are_healed_one_by_one(lab):
    partition = make_fault("partition", VICTIM, {"keep": [OTHER]}, lab=lab)
    cut = make_fault("isolate_replication", VICTIM, {"peer": OTHER}, lab=lab)
    partition.inject()
    cut.inject()
    partition.heal()
    assert reached(lab.hosts[VICTIM].address)
    assert not answers(lab.hosts[OTHER].address, inside=cid(lab))
    cut.heal()
    assert reached(lab.hosts[OTHER].address, inside=cid(lab))


def test_a_service_that_is_killed_is_gone_and_all_else_is_not(lab, to):
    to(VICTIM).run(["systemd-run", "--collect", "sleep", "600"], timeout=10)
    assert outside.until(lambda: bool(outside.named(cid(lab), "sleep")))
    lasting = [outside.named(cid(lab), name) for name in ("systemd", "systemd-journal", "dbus-daemon")]
    fault = make_fault("service_killed", VICTIM, {"process": "sleep"}, lab=lab)
    assert fault.inject().verified
    assert outside.named(cid(lab), "sleep") == []
    assert [outside.named(cid(lab), name) for name in ("systemd", "systemd-journal", "dbus-daemon")] == lasting
    assert all(lasting)
    fault.heal()


def test_a_service_that_is_not_there_cannot_be_killed(lab):
    effect = make_fault("service_killed", VICTIM, {"process": "nothing"}, lab=lab).inject()
    assert not effect.verified
    assert effect.detail.en == "0 processes were killed"


def test_power_control_that_fails_and_power_control_that_lies(lab):
    with injected(lab, "power_control", mode="fails"), pytest.raises(DrillbookError):
        LabPower(VICTIM).off()
    with injected(lab, "power_control", mode="lies"):
        LabPower(VICTIM).off()
        assert LabPower(VICTIM).state() is PowerState.OFF
        assert outside.processes(cid(lab))
    assert LabPower(VICTIM).state() is PowerState.ON
    assert not (POWER_DIR / VICTIM).exists()


def test_a_killed_host_says_nothing_and_comes_back_by_power_control(lab, to):
    listener = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _HEAR_THE_END, lab.hosts[VICTIM].address],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert listener.stdout is not None
    assert listener.stdout.readline().strip() == "connected"
    fault = make_fault("kill", VICTIM, {}, lab=lab)
    effect = fault.inject()
    try:
        assert effect.verified
        assert (effect.effective - effect.began) < 500_000_000
        assert outside.processes(cid(lab)) == []
        assert LabPower(VICTIM).state() is PowerState.OFF
        assert listener.communicate(timeout=10)[0].strip() == "silence"
        fault.heal()
        assert outside.processes(cid(lab)) == []
        with pytest.raises(StepFailed, match="not running"):
            fault.inject()
    finally:
        LabPower(VICTIM).on()
    assert outside.until(lambda: says(lab) == "SSH-2.0", timeout=20)


# A client of the host that is killed: it must not be told, as no host that loses power tells.
_HEAR_THE_END = """
import socket, sys
s = socket.create_connection((sys.argv[1], 22), 5)
s.recv(100)
print("connected", flush=True)
s.settimeout(2)
try:
    print("told" if s.recv(100) == b"" else "spoken to")
except TimeoutError:
    print("silence")
except OSError as error:
    print("told", error)
"""


def test_a_fault_of_a_host_that_is_off_is_refused_and_healing_it_is_not(lab):
    LabPower(VICTIM).off()
    try:
        for kind, options in (("kill", {}), ("partition", {}), ("isolate_replication", {"peer": OTHER})):
            with pytest.raises(StepFailed, match="not running"):
                make_fault(kind, VICTIM, options, lab=lab).inject()
        for kind in ("freeze", "hung_ssh"):
            assert not make_fault(kind, VICTIM, {}, lab=lab).inject().verified
        for kind, options in (
            ("partition", {}), ("isolate_replication", {"peer": OTHER}), ("freeze", {}), ("hung_ssh", {}),
        ):  # fmt: skip
            make_fault(kind, VICTIM, options, lab=lab).heal()
        heal_victim(lab)
    finally:
        LabPower(VICTIM).on()
    assert outside.until(lambda: says(lab) == "SSH-2.0", timeout=20)


def test_a_frozen_host_can_be_switched_off(lab):
    """What mends a host works on one that is broken in this way."""
    with injected(lab, "freeze"):
        LabPower(VICTIM).off()
        assert outside.until(lambda: not outside.processes(cid(lab)))
    LabPower(VICTIM).on()
    assert outside.until(lambda: says(lab) == "SSH-2.0", timeout=20)


def test_no_process_outside_the_host_is_ever_signalled(lab):
    """Not ours, not another host's: as when an id was given to another process in between."""
    bystander = subprocess.Popen(["sleep", "60"])
    elsewhere = outside.processes(cid(lab, OTHER))[-1]
    try:
        for pid in (bystander.pid, elsewhere, os.getpid(), 1):
            assert not outside.belongs(pid, cid(lab))
            assert not outside.send(pid, cid(lab), signal.SIGKILL)
        assert bystander.poll() is None
        assert outside.state(elsewhere) not in ("", "Z")
    finally:
        bystander.kill()
        bystander.wait()
    assert not outside.send(bystander.pid, cid(lab), signal.SIGKILL)


def test_part_of_a_containers_id_is_not_its_id(lab):
    assert outside.processes(cid(lab)[:12]) == []
    assert outside.processes("") == []


def test_every_kind_says_what_it_does(lab):
    options = {**OPTIONS, "peer": OTHER, "keep": [OTHER]}
    for name, kind in KINDS.items():
        fault = make_fault(name, VICTIM, {key: options[key] for key in kind.options}, lab=lab)
        assert (fault.kind, fault.item) == (name, VICTIM)
        assert VICTIM in fault.describe().en
        assert VICTIM in fault.describe().zh


def test_a_host_that_the_lab_does_not_have_is_named(lab):
    with pytest.raises(UsageError, match="the lab has no host 'db-9'"):
        make_fault("kill", "db-9", {}, lab=lab)
    with pytest.raises(UsageError, match="the lab has no host 'db-9'"):
        make_fault("partition", VICTIM, {"keep": ["db-9"]}, lab=lab)


def test_a_whole_room_loses_power_at_the_same_moment(lab):
    """The network of all goes before a process of any is killed: none sees another die."""
    room = [VICTIM, OTHER]
    effects = inject_together([make_fault("kill", item, {}, lab=lab) for item in room])
    try:
        assert all(effect.verified for effect in effects)
        assert max(each.effective for each in effects) - min(each.effective for each in effects) < 500_000_000
        assert [outside.processes(cid(lab, item)) for item in room] == [[], []]
        assert outside.processes(cid(lab, "core-db-2"))
    finally:
        for item in room:
            LabPower(item).on()
    assert all(outside.until(lambda item=item: says(lab, item) == "SSH-2.0", timeout=20) for item in room)


def test_a_host_returns_in_the_middle_whatever_its_power_control_says(lab):
    make_fault("kill", VICTIM, {}, lab=lab).inject()
    make_fault("power_control", VICTIM, {"mode": "fails"}, lab=lab).inject()
    fault = make_fault("returns", VICTIM, {"in": "500 ms"}, lab=lab)
    try:
        assert fault.inject().verified
        with pytest.raises(StepFailed, match="on the way"):
            fault.inject()
        assert outside.until(lambda: bool(outside.processes(cid(lab))), timeout=20)
        fault.heal()
        fault.heal()
        assert outside.until(lambda: says(lab) == "SSH-2.0", timeout=20)
    finally:
        heal_victim(lab)
        LabPower(VICTIM).on()


def test_a_host_that_should_have_returned_and_did_not_is_told_of(lab):
    fault = make_fault("returns", VICTIM, {"in": "1 h"}, lab=lab)
    assert not fault.inject().verified  # it is on
    with pytest.raises(StepFailed, match=f"{VICTIM} did not return"):
        fault.heal()
    fault.heal()
    make_fault("returns", VICTIM, {"in": "1 h"}, lab=lab).inject()
    heal_victim(lab)
    fault.heal()


MENDS = {
    f"drillbook.lab.{name}" for name in ("power", "podman", "vitals", "network", "hosts")
} | {"drillbook.hosts.power"}  # fmt: skip


def test_faults_share_no_code_with_what_mends():
    """None may import power control, podman, or what they find processes with; but for who pushes the button."""
    import ast
    from pathlib import Path

    from drillbook.lab import faults

    folder = Path(faults.__file__).parent
    modules = [*folder.glob("*.py"), *(folder.parent / "host_side").glob("*.py")]
    assert len(modules) > 10
    for path in [*modules, folder.parent / "outside.py", folder.parent / "inside.py"]:
        named = set()
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.ImportFrom):
                named |= {each.module, *(f"{each.module}.{alias.name}" for alias in each.names)}
        assert (named & MENDS) == ({"drillbook.lab.power"} if path.name == "returning.py" else set()), path
