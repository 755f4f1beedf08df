"""Power control through IPMI 2.0 (RMCP+), with the ipmitool program."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import HostUnreachable, MissingPrerequisite, StepFailed
from drillbook.hosts.power import PowerState, read_secret
from drillbook.text import visible

if TYPE_CHECKING:
    from pathlib import Path

_CALL_TIMEOUT = 10.0
_SWITCH_TIMEOUT = 20.0
_POLL = 0.2
_STATES = {"Chassis Power is on": PowerState.ON, "Chassis Power is off": PowerState.OFF}


@dataclass(frozen=True, slots=True)
class IpmiPower:
    """The power of one host.

    ``port`` is UDP. ``cipher_suite`` as in table 22-20 of the IPMI 2.0 specification, or None: then
    ipmitool asks the controller first, which not every controller answers. The password goes to
    ipmitool as a file, never as an argument.
    """

    item: str
    address: str
    port: int
    user: str
    secret_file: Path
    cipher_suite: int | None = None

    def state(self) -> PowerState:
        """See ``PowerDriver``."""
        return _STATES.get(self._chassis("status").strip(), PowerState.UNKNOWN)

    def off(self) -> None:
        """See ``PowerDriver``. ``chassis power off`` is a hard power-down: no shutdown."""
        self._switch("off", PowerState.OFF)

    def on(self) -> None:
        """See ``PowerDriver``."""
        self._switch("on", PowerState.ON)

    def _switch(self, order: str, wanted: PowerState) -> None:
        self._chassis(order)
        deadline = time.monotonic() + _SWITCH_TIMEOUT
        while self.state() is not wanted:
            if time.monotonic() > deadline:
                raise StepFailed(
                    f"{self.item}: its power control took '{order}', and {_SWITCH_TIMEOUT:g} s later does not"
                    f" say {wanted}"
                )
            time.sleep(_POLL)

    def _chassis(self, order: str) -> str:
        read_secret(self.secret_file, self.item)
        tool = shutil.which("ipmitool")
        if tool is None:
            raise MissingPrerequisite("this machine has no ipmitool", remedy="apt-get install ipmitool")
        where = f"{self.item}: its power control at {self.address}"
        suite = [] if self.cipher_suite is None else ["-C", str(self.cipher_suite)]
        try:
            done = subprocess.run(
                [
                    tool, "-I", "lanplus", "-H", self.address, "-p", str(self.port), "-U", self.user,
                    "-f", str(self.secret_file), *suite, "-N", "1", "-R", "2", "chassis", "power", order,
                ],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
                timeout=_CALL_TIMEOUT, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise HostUnreachable(f"{where} does not answer within {_CALL_TIMEOUT:g} s") from None
        if done.returncode == 0:
            return done.stdout
        said = visible(" ".join(done.stderr.split()) or "it said nothing")
        if "Unable to establish" in said:
            raise HostUnreachable(
                f"{where} does not let us in: {said}",
                remedy=f"is the management network up, and is the password in {self.secret_file} right?",
            )
        raise StepFailed(f"{where} did not take 'chassis power {order}': {said}")
