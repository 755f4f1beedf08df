"""Asks the network every so often who has an address, and notes which hosts answered.

A program of its own for the probe host: Python 3.11 and ``attempts.py`` beside it, which has the loop and what the
options mean. Of its own it needs: interface, members (by item, the own address of each host that may hold the address).
It has to run as root, on the network of the address (a raw socket for ARP, RFC 826).

An attempt is one question to all. It listens until answer_ms have passed, since the second answer is the one that
matters. ``out`` is ack when anybody answered, and the word names them, joined by ``+``: by item when it is a member's
MAC address, which is learnt by asking for the members' own addresses; a stranger by its MAC address. Announcements
go to all and are no answers: only what was sent to this host counts. IPv6 has another protocol for this, and is not
watched.
"""

from __future__ import annotations

import socket
import struct
import time
from pathlib import Path
from typing import Any

from attempts import MILLISECOND, main

ARP, REQUEST, REPLY = 0x0806, 1, 2
_ETHERNET = struct.Struct("!6s6sH")
_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_TO_ALL = b"\xff" * 6
_LEARN_NS = 10 * MILLISECOND


class Watcher:
    """One raw socket; it sends one question an attempt."""

    crowded = False

    def __init__(self, options: dict[str, Any]) -> None:
        """Open the socket. Raises OSError: no such interface, or not root."""
        self.address = options["address"]
        self.members: dict[str, str] = options["members"]
        self.listen_ns = int(min(options["answer_ms"], options["interval_ms"]) * MILLISECOND * 0.9)
        interface = options["interface"]
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP))
        self.socket.bind((interface, ARP))
        self.mac = bytes.fromhex(
            Path(f"/sys/class/net/{interface}/address").read_text(encoding="ascii").replace(":", "")
        )
        self.known: dict[str, str] = {}
        self.learn()

    def attempt(self, _: int) -> tuple[int, str, str]:
        """See ``attempts.Client``."""
        sent = time.monotonic_ns()
        try:
            macs = self.ask(self.address, sent + self.listen_ns)
        except OSError:
            return sent, "refused", "network_down"
        if not macs:
            return sent, "unknown", "no_answer"
        if any(mac not in self.known for mac in macs):
            self.learn()  # a host that was off when this began, or has another card now
        return sent, "ack", "+".join(sorted({self.known.get(mac, mac) for mac in macs}))

    def learn(self) -> None:
        """Find out which MAC address each member has now; one that is off has none."""
        for item, address in self.members.items():
            try:
                for mac in self.ask(address, time.monotonic_ns() + _LEARN_NS):
                    self.known[mac] = item
            except OSError:
                continue

    def ask(self, address: str, deadline: int) -> set[str]:
        """Ask who has an address, and give the MAC addresses that answered until the deadline (monotonic ns)."""
        wanted = socket.inet_aton(address)
        # Nobody's own address as the sender's: a question must not change what hosts know of anybody (RFC 5227).
        packet = _PACKET.pack(1, 0x0800, 6, 4, REQUEST, self.mac, bytes(4), bytes(6), wanted)
        self.socket.send(_ETHERNET.pack(_TO_ALL, self.mac, ARP) + packet)
        found: set[str] = set()
        while (left := deadline - time.monotonic_ns()) > 0:
            self.socket.settimeout(left / 1e9)
            try:
                data = self.socket.recv(256)
            except TimeoutError:
                break
            mac = self.answer(data, wanted)
            if mac:
                found.add(mac)
        return found

    def answer(self, data: bytes, wanted: bytes) -> str:
        """Give the MAC address that a frame says has the address; empty when it is no answer to this host."""
        if len(data) < _ETHERNET.size + _PACKET.size:
            return ""
        to, _, kind = _ETHERNET.unpack_from(data)
        _, _, _, _, operation, mac, address, _, _ = _PACKET.unpack_from(data, _ETHERNET.size)
        if kind != ARP or to != self.mac or operation != REPLY or address != wanted:
            return ""
        return ":".join(f"{byte:02x}" for byte in mac)


if __name__ == "__main__":
    main(Watcher)
