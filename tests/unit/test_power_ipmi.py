"""IPMI power control against an independent peer: OpenIPMI's simulator, over RMCP+ on loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from drillbook.console.progress import progress_for
from drillbook.errors import HostUnreachable, MissingPrerequisite, StepFailed
from drillbook.hosts import ipmi
from drillbook.hosts.ipmi import IpmiPower
from drillbook.hosts.power import PowerState
from drillbook.lab import machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow  # each test starts processes, or waits for one

LAN = """\
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{chassis}"
  user 2 true "operator" "right" admin 10 none md2 md5 straight
"""
COMMANDS = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
"""
# What the simulator runs as its chassis: `get power` and `set power 0|1`, kept in a file.
CHASSIS = """\
#!/bin/sh
echo "$*" >> "{folder}/orders"
case "$1 $2" in
    "get power") echo "power:$(cat "{folder}/power")" ;;
    "set power") [ -e "{folder}/stuck" ] || echo "$3" > "{folder}/power" ;;
esac
"""


class Controller(NamedTuple):
    folder: Path
    port: int
    secret: Path

    def has_power(self) -> bool:
        return (self.folder / "power").read_text().strip() == "1"

    def orders(self) -> list[str]:
        return (self.folder / "orders").read_text().splitlines()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def need_programs() -> None:
    programs = ("ipmi_sim", "ipmitool")
    missing = [name for name in programs if not shutil.which(name)]
    if missing and os.geteuid() == 0:
        machine.install(["openipmi", "ipmitool"], progress_for())
        missing = [name for name in programs if not shutil.which(name)]
    if missing:
        message = f"needs {' and '.join(missing)}: apt-get install openipmi ipmitool"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    need_programs()
    port = free_port()
    chassis = tmp_path / "chassis"
    chassis.write_text(CHASSIS.format(folder=tmp_path))
    chassis.chmod(0o755)
    (tmp_path / "lan.conf").write_text(LAN.format(port=port, chassis=chassis))
    (tmp_path / "commands").write_text(COMMANDS)
    (tmp_path / "power").write_text("1\n")
    (tmp_path / "orders").touch()
    (tmp_path / "state").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("right\n")
    secret.chmod(0o600)
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            ["ipmi_sim", "-c", "lan.conf", "-f", "commands", "-s", str(tmp_path / "state"), "-n"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait_for_answer(process, port, tmp_path / "log")
        yield Controller(tmp_path, port, secret)
    finally:
        process.terminate()
        process.wait(10)


def wait_for_answer(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """RMCP presence ping (ASF 2.0, 3.2.4.2) until there is a pong."""
    ping = bytes.fromhex("06 00 ff 06 00 00 11 be 80 00 00 00")
    deadline = time.monotonic() + 10
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
        knock.settimeout(0.1)
        knock.connect(("127.0.0.1", port))
        while True:
            try:
                knock.send(ping)
                if knock.recv(64):
                    return
            except OSError:
                time.sleep(0.05)
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()


def power(controller: Controller, **changes: object) -> IpmiPower:
    options: dict[str, object] = {
        "item": "db-1",
        "address": "127.0.0.1",
        "port": controller.port,
        "user": "operator",
        "secret_file": controller.secret,
        "cipher_suite": 3,  # the strongest that the simulator has
    }
    return IpmiPower(**{**options, **changes})  # type: ignore[arg-type]


def test_off_and_on_are_done_when_they_return(controller: Controller) -> None:
    driver = power(controller)
    assert driver.state() is PowerState.ON
    driver.off()
    assert not controller.has_power()
    assert driver.state() is PowerState.OFF
    driver.on()
    assert controller.has_power()
    assert driver.state() is PowerState.ON


def test_off_asks_for_no_shutdown(controller: Controller) -> None:
    power(controller).off()
    assert [order for order in controller.orders() if order.startswith("set")] == ["set power 0"]


def test_off_of_a_host_that_is_off_is_no_error(controller: Controller) -> None:
    driver = power(controller)
    driver.off()
    driver.off()
    assert not controller.has_power()


def test_without_a_cipher_suite_the_controller_is_asked(controller: Controller) -> None:
    assert power(controller, cipher_suite=None).state() is PowerState.ON


def test_a_controller_that_takes_the_order_and_does_nothing(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ipmi, "_SWITCH_TIMEOUT", 0.5)
    (controller.folder / "stuck").touch()
    with pytest.raises(StepFailed, match=r"took 'off', and 0\.5 s later does not say off"):
        power(controller).off()


def test_a_wrong_password_is_refused_and_not_shown(controller: Controller, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("swordfish\n")
    wrong.chmod(0o600)
    with pytest.raises(HostUnreachable, match="does not let us in") as caught:
        power(controller, secret_file=wrong).off()
    assert controller.has_power()
    assert "swordfish" not in f"{caught.value} {caught.value.remedy}"


def test_a_controller_that_does_not_answer(tmp_path: Path) -> None:
    need_programs()
    secret = tmp_path / "secret"
    secret.write_text("right\n")
    secret.chmod(0o600)
    driver = IpmiPower("db-1", "127.0.0.1", free_port(), "operator", secret, cipher_suite=3)
    began = time.monotonic()
    with pytest.raises(HostUnreachable, match="db-1: its power control at 127"):
        driver.off()
    assert time.monotonic() - began < 12


def test_the_password_is_no_argument(controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in ipmitool's place writes its arguments and environment down, then becomes ipmitool."""
    real = shutil.which("ipmitool")
    spy = tmp_path / "bin" / "ipmitool"
    spy.parent.mkdir()
    spy.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} > "{tmp_path}/seen"\nexec {real} "$@"\n')
    spy.chmod(0o755)
    controller.secret.write_text("right\n")
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
    assert power(controller).state() is PowerState.ON
    assert "right" not in (tmp_path / "seen").read_text()


def test_without_ipmitool_the_command_is_named(
    controller: Controller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(MissingPrerequisite) as caught:
        power(controller).state()
    assert caught.value.remedy == "apt-get install ipmitool"
