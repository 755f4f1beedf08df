"""A link that is slow: a token bucket at both ends of the host's cable, so in both directions.

A kernel may lack what delays or loses packets (netem); the token bucket (tbf) is far more common.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

from drillbook.errors import HostIsOff, StepFailed
from drillbook.lab import outside
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.runbook.model import Text

_UNITS = {"kbit": 1_000, "mbit": 1_000_000}
# A bucket must hold a packet, and what passes in a timer's tick of the kernel (tc-tbf(8)); 250 a second.
_TICKS = 250
_SMALLEST = 5_000
_WAITS = "400ms"
_MEASURED_SECONDS = 0.4
_MEASURED_MOST = 8_000_000
_TIMEOUT = 5.0
# The bucket's first fill passes at once, headers count; far more than this is not a slow link.
_TOLERANCE = 1.5
# Says at which port of address "$1" it takes one connection; gets "$2" bytes there, then gives as many.
_ECHO = """
import socket, sys
s = socket.create_server((sys.argv[1], 0)); s.settimeout(5)
print(s.getsockname()[1], flush=True)
c = s.accept()[0]; c.settimeout(5)
left = int(sys.argv[2])
while left > 0 and (part := c.recv(65536)):
    left -= len(part)
c.sendall(bytes(int(sys.argv[2])))
c.recv(1)
"""


def rate(text: str) -> int:
    """Give a rate such as '1 mbit' in bits a second."""
    found = re.fullmatch(r"(\d{1,4}) (kbit|mbit)", text)
    assert found is not None, text
    return int(found[1]) * _UNITS[found[2]]


@dataclass(frozen=True, slots=True)
class SlowLink(OfHost):
    """The host's link carries ``bits`` a second each way."""

    bits: int
    kind: ClassVar[str] = "slow_link"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"the link of {self.item} carries {self.bits // 1000} kbit/s in each direction, and no more",
            f"{self.item} 的链路每个方向最多 {self.bits // 1000} kbit/s",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        for ours, name in sorted(self._ends()):
            bucket = [
                "tbf", "rate", f"{self.bits}bit", "burst", str(self._burst()), "latency", _WAITS,
            ]  # fmt: skip
            self._tc(["replace", "dev", name, "root", *bucket], ours=ours)
        effective = time.monotonic_ns()
        up, down = self._measure()
        return Effect(
            began, effective, verified=max(up, down) <= self.bits * _TOLERANCE and min(up, down) > 0,
            detail=Text(
                f"{up // 1000} kbit/s were measured to it, and {down // 1000} kbit/s from it",
                f"实测发往它 {up // 1000} kbit/s，来自它 {down // 1000} kbit/s",
            ),
        )  # fmt: skip

    def heal(self) -> None:
        """See ``Fault``."""
        with suppress(HostIsOff):
            # The host's own end has it first, and is rid of it last.
            if "qdisc tbf " not in outside.in_network(self.host.container_id, ["tc", "qdisc", "show"]):
                return
            for ours, name in sorted(self._ends(), reverse=True):
                said = self._tc(["show", "dev", name, "root"], ours=ours)
                if said.startswith("qdisc tbf "):
                    self._tc(["del", "dev", name, "root"], ours=ours)

    def _burst(self) -> int:
        return max(_SMALLEST, self.bits // 8 // _TICKS)

    def _ends(self) -> list[tuple[bool, str]]:
        """Give the ends of the host's cables: whether it is this machine's, and its name. Raises HostIsOff."""
        found = []
        for link in _links(outside.in_network(self.host.container_id, ["ip", "-j", "-d", "link"])):
            if link.get("linkinfo", {}).get("info_kind") != "veth" or "link_index" not in link:
                continue
            found.append((False, str(link["ifname"])))
            with suppress(OSError):
                name = socket.if_indextoname(link["link_index"])
                said = subprocess.run(
                    ["ip", "-j", "-d", "link", "show", "dev", name],
                    capture_output=True, text=True, timeout=_TIMEOUT, check=False,
                ).stdout  # fmt: skip
                # The other end of a cable is what says so itself: a number alone is another's here too.
                found += [(True, name) for each in _links(said) if each.get("link_index") == link["ifindex"]
                          and each.get("linkinfo", {}).get("info_kind") == "veth"]  # fmt: skip
        return found

    def _tc(self, arguments: list[str], *, ours: bool) -> str:
        argv = ["tc", "qdisc", *arguments]
        try:
            if not ours:
                return outside.in_network(self.host.container_id, argv)
            return subprocess.run(argv, capture_output=True, text=True, timeout=_TIMEOUT, check=True).stdout
        except HostIsOff:
            raise
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip()[:200]
        except StepFailed as error:
            said = error.message
        hint = "; this machine's kernel has no token bucket (sch_tbf)" if "qdisc kind is unknown" in said else ""
        raise StepFailed(f"the link of {self.item} cannot be made slow: {said}{hint}")

    def _measure(self) -> tuple[int, int]:
        """Give bits a second to the host and from it, measured over one connection; 0 when none was possible."""
        count = self._burst() + min(int(self.bits / 8 * _MEASURED_SECONDS), _MEASURED_MOST)
        with outside.started(
            self.host.container_id, [sys.executable, "-I", "-S", "-c", _ECHO, self.host.address, str(count)]
        ) as echo:
            try:
                port = int(echo.readline())
                with socket.create_connection((self.host.address, port), _TIMEOUT) as peer:
                    peer.settimeout(_TIMEOUT)
                    begun = time.monotonic()
                    peer.sendall(b"\0" * count)
                    first = peer.recv(1)
                    turned = time.monotonic()
                    left = count - len(first)
                    while left > 0 and (part := peer.recv(65536)):
                        left -= len(part)
                    ended = time.monotonic()
            except (OSError, ValueError):
                return 0, 0
        beyond = (count - self._burst()) * 8
        return int(beyond / (turned - begun)), int(beyond / (ended - turned)) if left <= 0 else 0


def _links(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text or "[]")
    return found
