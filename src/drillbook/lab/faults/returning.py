"""A host that comes back: somebody who was not asked gives it power again, whatever is being done about it.

The one fault that makes a host work: it pushes the button of a host that is off, by what switches the lab's hosts on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from threading import Lock, Timer
from typing import ClassVar

from drillbook.errors import DrillbookError, StepFailed
from drillbook.lab import outside
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.lab.power import push_button
from drillbook.runbook.model import Text

_ENDS = 60.0


class _Person:
    """Somebody on the way to a host's power button."""

    def __init__(self, fault: Returns) -> None:
        self.trouble = ""
        self.pushed = False
        self._fault = fault
        self._lock = Lock()
        self._called_off = False
        self._timer = Timer(fault.seconds, self._push)
        self._timer.daemon = True
        self._timer.start()

    def call_off(self) -> None:
        """Let the button alone if it was not pushed yet; else wait until the host has its power."""
        self._timer.cancel()
        with self._lock:
            self._called_off = True

    def _push(self) -> None:
        with self._lock:
            if self._called_off:
                return
            self.pushed = True
            try:
                push_button(self._fault.item)
            except DrillbookError as error:
                self.trouble = error.message
                return
            if not outside.until(lambda: bool(outside.processes(self._fault.host.container_id)), timeout=_ENDS):
                self.trouble = "no process of it runs"


_ON_THE_WAY: dict[str, _Person] = {}


@dataclass(frozen=True, slots=True)
class Returns(OfHost):
    """The host gets power again ``seconds`` after this was injected."""

    seconds: float
    kind: ClassVar[str] = "returns"

    def describe(self) -> Text:
        """See ``Fault``."""
        return Text(
            f"{self.item} gets power again after {self.seconds:g} s, from somebody who was not asked",
            f"{self.item} 在 {self.seconds:g} 秒后被不知情的人重新通电",
        )

    def inject(self) -> Effect:
        """See ``Fault``. It returns at once; that the host came back is looked at when it is healed."""
        began = time.monotonic_ns()
        off = not outside.processes(self.host.container_id)
        if self.item in _ON_THE_WAY:
            raise StepFailed(f"somebody is on the way to {self.item} already", remedy="heal that first")
        _ON_THE_WAY[self.item] = _Person(self)
        seen = (
            Text("it is off, and somebody is on the way", "主机已断电，有人正前往通电")
            if off
            else Text("somebody is on the way, though it is on", "主机尚未断电，已有人前往通电")
        )
        return Effect(began, time.monotonic_ns(), off, seen)

    def heal(self) -> None:
        """See ``Fault``. Raises StepFailed, once, when it was never given power: the drill was over before."""
        person = call_off(self.item)
        if person is None:
            return
        if not person.pushed:
            raise StepFailed(f"{self.item} did not return: the drill was over before {self.seconds:g} s")
        if person.trouble:
            raise StepFailed(f"{self.item} did not return: {person.trouble}")


def call_off(item: str) -> _Person | None:
    """Call back whoever is on the way to a host; None when nobody is."""
    person = _ON_THE_WAY.pop(item, None)
    if person is not None:
        person.call_off()
    return person
