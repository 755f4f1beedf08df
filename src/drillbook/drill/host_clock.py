"""How the clock of a probe's host stands to this machine's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.drill.probe_host import CALL, PYTHON, done
from drillbook.errors import HostUnreachable
from drillbook.evidence.samples import ClockOffset, combined_clock

if TYPE_CHECKING:
    from drillbook.drill.probe_host import ProbeHost

_EXCHANGES = 8


def measure_clock(host: ProbeHost) -> ClockOffset:
    """Find out how a probe host's monotonic clock stands to this machine's.

    A lab's hosts share this machine's kernel, and with it the clock; that is asked, not assumed. For
    others, the clock is read there several times, and each reading lies between question and answer.
    Raises HostUnreachable when the readings contradict each other.
    """
    script = (
        "import time;print(time.monotonic_ns());"
        "print(open('/proc/sys/kernel/random/boot_id').read().strip());"
        "print(' '.join(open('/proc/self/timens_offsets').read().split()))"
    )
    bounds: list[tuple[int, int]] = []
    kernel: list[str] = []
    for _ in range(_EXCHANGES):
        asked = time.monotonic_ns()
        lines = done(host, [PYTHON, "-I", "-S", "-c", script], timeout=CALL).splitlines()
        answered = time.monotonic_ns()
        bounds.append((int(lines[0]) - answered, int(lines[0]) - asked))
        kernel = lines[1:]
        if kernel == _own_kernel() and bounds[-1][0] <= 0 <= bounds[-1][1]:
            return ClockOffset(0, 0, "the same kernel, so the same clock")
    try:
        offset, uncertainty = combined_clock(bounds)
    except ValueError as error:
        raise HostUnreachable(f"the clock of a probe host cannot be read: {error}") from None
    return ClockOffset(offset, uncertainty, f"{_EXCHANGES} readings, each between a question and its answer")


def _own_kernel() -> list[str]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return [boot, " ".join(Path("/proc/self/timens_offsets").read_text(encoding="ascii").split())]
