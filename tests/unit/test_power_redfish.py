"""Redfish power control against an independent peer: sushy-tools' emulator, over TLS on loopback."""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import pytest

from drillbook.errors import HostUnreachable, MissingPrerequisite, StepFailed
from drillbook.hosts import redfish
from drillbook.hosts.power import PowerState
from drillbook.hosts.redfish import RedfishPower

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNNING = "11111111-1111-4111-8111-111111111111"
STOPPED = "22222222-2222-4222-8222-222222222222"
STUCK = "33333333-3333-4333-8333-333333333333"

# The emulated hardware takes 1 to 11 s at random to switch; here always up to 1 s, or longer than any
# test for a host that is stuck.
EMULATOR = f"""
import sys, time
from sushy_tools.emulator import main
from sushy_tools.emulator.resources.systems import fakedriver
slow = fakedriver.FakeDriver.set_power_state
def set_power_state(self, identity, state):
    fakedriver.random.randint = lambda low, high: 10_000 if identity == "{STUCK}" else 1
    return slow(self, identity, state)
fakedriver.FakeDriver.set_power_state = set_power_state
sys.exit(main.main())
"""


class Controller(NamedTuple):
    url: str
    authority: Path
    secret: Path


def make_certificate(folder: Path) -> tuple[Path, Path]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "controller")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    import bcrypt

    folder = tmp_path_factory.mktemp("redfish")
    certificate, key = make_certificate(folder)
    accounts = folder / "accounts"
    accounts.write_bytes(b"operator:" + bcrypt.hashpw(b"right", bcrypt.gensalt(4)) + b"\n")
    systems = [
        {"uuid": uuid, "name": uuid[:1], "power_state": state, "external_notifier": False, "nics": []}
        for uuid, state in ((RUNNING, "On"), (STOPPED, "Off"), (STUCK, "On"))
    ]
    (folder / "emulator.conf").write_text(
        f"SUSHY_EMULATOR_FAKE_DRIVER = True\nSUSHY_EMULATOR_FAKE_SYSTEMS = {systems!r}\n"
        f"SUSHY_EMULATOR_STATE_DIR = {str(folder)!r}\nSUSHY_EMULATOR_AUTH_FILE = {str(accounts)!r}\n"
    )
    secret = folder / "secret"
    secret.write_text("right\n")
    secret.chmod(0o600)
    port = free_port()
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                sys.executable, "-c", EMULATOR, "--config", str(folder / "emulator.conf"), "-i", "127.0.0.1",
                "-p", str(port), "--ssl-certificate", str(certificate), "--ssl-key", str(key),
            ],
            stdout=log, stderr=log, env={**os.environ, "TMPDIR": str(folder)},
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.1)
        yield Controller(f"https://127.0.0.1:{port}", certificate, secret)
    finally:
        process.terminate()
        process.wait(10)


def power(controller: Controller, uuid: str, **changes: object) -> RedfishPower:
    options: dict[str, object] = {
        "url": controller.url,
        "system": f"/redfish/v1/Systems/{uuid}",
        "user": "operator",
        "secret_file": controller.secret,
        "ca_file": controller.authority,
    }
    return RedfishPower("db-1", **{**options, **changes})  # type: ignore[arg-type]


def test_off_and_on_are_done_when_they_return(controller: Controller) -> None:
    running, stopped = power(controller, RUNNING), power(controller, STOPPED)
    assert running.state() is PowerState.ON
    assert stopped.state() is PowerState.OFF
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda switch: switch(), (running.off, stopped.on)))
    # Asked anew, not of the driver's own memory.
    assert power(controller, RUNNING).state() is PowerState.OFF
    assert power(controller, STOPPED).state() is PowerState.ON


def test_off_of_a_host_that_is_off_is_no_error(controller: Controller) -> None:
    driver = power(controller, RUNNING)
    driver.off()
    driver.off()
    assert driver.state() is PowerState.OFF


def test_a_controller_that_takes_the_order_and_does_nothing(
    controller: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redfish, "_SWITCH_TIMEOUT", 1.0)
    driver = power(controller, STUCK)
    with pytest.raises(StepFailed, match="took 'ForceOff', and 1 s later does not say off"):
        driver.off()
    assert driver.state() is PowerState.ON


def test_a_certificate_that_nobody_vouches_for_is_refused(controller: Controller) -> None:
    with pytest.raises(HostUnreachable, match="no authority known here vouches for"):
        power(controller, RUNNING, ca_file=None).off()


def test_a_wrong_password_is_refused_and_not_shown(controller: Controller, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("swordfish\n")
    wrong.chmod(0o600)
    with pytest.raises(StepFailed, match="refuses the user 'operator'") as caught:
        power(controller, RUNNING, secret_file=wrong).off()
    assert "swordfish" not in f"{caught.value} {caught.value.remedy}"


def test_a_system_that_the_controller_does_not_have(controller: Controller) -> None:
    with pytest.raises(StepFailed, match="did not say whether it is on"):
        power(controller, "44444444-4444-4444-8444-444444444444").state()


def test_a_controller_that_does_not_answer(controller: Controller) -> None:
    began = time.monotonic()
    with pytest.raises(HostUnreachable, match=r"does not answer: .*Connection refused$"):
        power(controller, RUNNING, url=f"https://127.0.0.1:{free_port()}").state()
    assert time.monotonic() - began < 5


def test_without_its_password_nothing_is_sent(controller: Controller, tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisite, match="cannot be read"):
        power(controller, RUNNING, secret_file=tmp_path / "absent").off()
