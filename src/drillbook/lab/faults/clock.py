"""A clock that is wrong. The hosts share this machine's clock, which is never touched.

libfaketime gives another time to every service and every SSH session that is started from then on. What runs already
goes on with the right time, and so do the host's kernel and init, and with them the times of files.
"""

from __future__ import annotations

import re
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from drillbook.cmdb.durations import seconds
from drillbook.errors import HostIsOff, StepFailed
from drillbook.lab import outside
from drillbook.lab.command import run
from drillbook.lab.faults.base import Effect, OfHost
from drillbook.lab.health import SSH_OPTIONS
from drillbook.lab.host_side import WRONG_CLOCK
from drillbook.lab.inside import in_host
from drillbook.runbook.model import Text

_SLACK = 2
_SSH_SECONDS = 5


def offset(text: str) -> int:
    """Give by how many seconds a clock is wrong, from a text such as '-2 h'."""
    found = re.fullmatch(r"([+-])(.*)", text)
    assert found is not None, text
    return round(seconds(found[2])) * (-1 if found[1] == "-" else 1)


@dataclass(frozen=True, slots=True)
class WrongClock(OfHost):
    """Whatever the host starts from now on reads a time that is ``seconds`` ahead (negative: behind)."""

    seconds: int
    kind: ClassVar[str] = "wrong_clock"

    def describe(self) -> Text:
        """See ``Fault``."""
        way = Text("ahead", "快") if self.seconds > 0 else Text("behind", "慢")
        count = abs(self.seconds)
        return Text(
            f"the clock of {self.item} is {count} s {way.en}, for each service and session started from now on",
            f"{self.item} 的时钟{way.zh} {count} 秒（对此后启动的服务和会话生效）",
        )

    def inject(self) -> Effect:
        """See ``Fault``."""
        began = time.monotonic_ns()
        try:
            in_host(self.host.container_id, "turn", seconds=self.seconds)
            self._reload()
            effective = time.monotonic_ns()
            said = run(
                ["ssh", *SSH_OPTIONS, "-o", f"ConnectTimeout={_SSH_SECONDS}", f"root@{self.host.address}", "date +%s"],
                timeout=2 * _SSH_SECONDS, what=f"ask {self.item} for its time",
            ).stdout  # fmt: skip
        except HostIsOff:
            raise
        except StepFailed as error:
            raise StepFailed(f"the clock of {self.item} cannot be made wrong: {error.message}") from None
        wrong = round(int(said) - time.time())
        return Effect(
            began, effective, verified=abs(wrong - self.seconds) <= _SLACK,
            detail=Text(
                f"asked for its time over SSH, it gives one that is {wrong:+d} s from this machine's",
                f"经 SSH 查询其时间，与本机相差 {wrong:+d} 秒",
            ),
        )  # fmt: skip

    def heal(self) -> None:
        """See ``Fault``. What was started meanwhile reads the right time again within ten seconds."""
        with suppress(HostIsOff):
            if outside.mounted(self.host.container_id, WRONG_CLOCK):
                in_host(self.host.container_id, "turn_back")
                self._reload()

    def _reload(self) -> None:
        """Let the host's service manager read its files again: systemd(1), SIGHUP."""
        for pid in outside.processes(self.host.container_id)[:1]:
            outside.send(pid, self.host.container_id, signal.SIGHUP)
