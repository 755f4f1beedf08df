"""Sees every IPv4 packet that this machine sends to the lab's hosts, to prove that a refused run sent none."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Self

from drillbook.lab.network import BRIDGE

if TYPE_CHECKING:
    from types import TracebackType

_IPV4 = 0x0800
_ENOUGH = 200


class Capture:
    """A capture on the lab's bridge while the block runs; ``packets`` has the first bytes of each one sent."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))  # every protocol
        self._socket.bind((BRIDGE, 0x0003))
        self._socket.settimeout(0.05)
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _look(self) -> None:
        while True:
            try:
                data, (_, protocol, direction, *_rest) = self._socket.recvfrom(128)
            except TimeoutError:
                if self._over.is_set():  # and nothing is left to be read
                    return
                continue
            if protocol == _IPV4 and direction == socket.PACKET_OUTGOING and len(self.packets) < _ENOUGH:
                self.packets.append(data)
