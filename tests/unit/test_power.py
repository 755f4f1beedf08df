"""Which driver a host gets, and the password file that the real ones read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drillbook.errors import MissingPrerequisite, StepFailed
from drillbook.hosts.ipmi import IpmiPower
from drillbook.hosts.power import PowerState, read_secret
from drillbook.hosts.power_drivers import NoPower, driver_for
from drillbook.hosts.redfish import RedfishPower
from drillbook.plan.model import PowerControl, Target

if TYPE_CHECKING:
    from pathlib import Path

REDFISH = {"url": "https://198.18.1.11", "system": "/redfish/v1/Systems/1", "user": "u", "secret_file": "/s"}
IPMI = {"address": "198.18.1.12", "user": "u", "secret_file": "/s"}


def target(kind: str, settings: dict[str, Any] | None = None) -> Target:
    return Target("db-1", "198.18.0.11", 22, "root", PowerControl(kind, settings or {}))


@pytest.mark.parametrize(
    ("kind", "settings", "driver"),
    [("redfish", REDFISH, RedfishPower), ("ipmi", IPMI, IpmiPower), ("none", {}, NoPower)],
)
def test_each_kind_has_its_driver(kind: str, settings: dict[str, Any], driver: type) -> None:
    assert type(driver_for(target(kind, settings), lab=None)) is driver


def test_ipmi_settings_reach_the_driver() -> None:
    driver = driver_for(target("ipmi", {**IPMI, "port": 6230, "cipher_suite": 3}), lab=None)
    assert isinstance(driver, IpmiPower)
    assert (driver.address, driver.port, driver.cipher_suite) == ("198.18.1.12", 6230, 3)


def test_the_labs_driver_is_made_by_the_lab() -> None:
    made = NoPower("x")
    assert driver_for(target("lab"), lab=lambda _: made) is made
    with pytest.raises(MissingPrerequisite, match="no lab here"):
        driver_for(target("lab"), lab=None)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(StepFailed, match="unknown kind 'pdu'"):
        driver_for(target("pdu"), lab=None)


def test_no_power_control_never_claims_to_have_switched() -> None:
    driver = driver_for(target("none"), lab=None)
    assert driver.state() is PowerState.UNKNOWN
    for switch in (driver.off, driver.on):
        with pytest.raises(StepFailed, match="db-1 has no power control"):
            switch()


def test_a_password_is_the_first_line_and_does_not_print(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter two\nnot this\n")
    file.chmod(0o600)
    secret = read_secret(file, "db-1")
    assert secret.reveal() == "hunter two"
    assert "hunter" not in f"{secret} {secret!r}"


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        (b"good\n", 0o640, "others may read"),
        (b"good\n", 0o604, "others may read"),
        (b"", 0o600, "is empty"),
        (b"\nsecond line\n", 0o600, "is empty"),
        (b"\xff\xfe\n", 0o600, "is not text"),
        (None, 0o600, "cannot be read"),
    ],
)
def test_a_password_file_that_will_not_do(tmp_path: Path, content: bytes | None, mode: int, said: str) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
        file.chmod(mode)
    with pytest.raises(MissingPrerequisite, match=said) as caught:
        read_secret(file, "db-1")
    assert str(file) in caught.value.remedy
