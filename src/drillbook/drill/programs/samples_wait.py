"""Watches a probe's samples and ends at the moment that is waited for.

A program of its own for the probe host: Python 3.11, nothing else. It waits there because the end of a
process travels to the engine at once, while asking again and again costs a round trip each. It takes one
argument, a JSON object: samples, timeout_s, silent_s, and one of

    steady_for_s    since this program began, the probe has had every attempt acknowledged, for that long
    down_for_s      the probe has had no attempt acknowledged for that long (after it once had)

It prints one JSON object, {"event", "monotonic_ns", "last_ack_ns", "last_sample_ns"}. ``event``: steady,
down, timeout; silent when the probe itself has made no attempt for silent_s (nothing is known about the
service then); ended when it has ended.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

STEP_NS = 20_000_000


class Samples:
    """What was read of the file so far."""

    def __init__(self, path: str) -> None:
        """Begin at the start of a file that may not exist yet."""
        self.path = Path(path)
        self.offset = 0
        self.rest = b""
        self.first_ack = 0
        self.last_ack = 0
        self.began = self.last_sample = time.monotonic_ns()
        self.ended = False

    def read(self) -> None:
        """Read what has been added."""
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                data = file.read()
        except FileNotFoundError:
            return
        self.offset += len(data)
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.take(json.loads(line))

    def take(self, sample: dict[str, Any]) -> None:
        """Keep the newest times; ``first_ack`` is the first of those that nothing has interrupted."""
        if "end" in sample:
            self.ended = True
        if "seq" not in sample:
            return
        self.last_sample = sample["done"]
        if sample["out"] == "ack":
            self.last_ack = sample["done"]
            if sample["sent"] >= self.began:
                self.first_ack = self.first_ack or sample["done"]
        else:
            self.first_ack = 0


def wait(options: dict[str, Any], samples: Samples) -> str:
    """Give the event."""
    end = time.monotonic_ns() + int(options["timeout_s"] * 1e9)
    steady_ns = int(options.get("steady_for_s", 0) * 1e9)
    down_ns = int(options.get("down_for_s", 0) * 1e9)
    silent_ns = int(options["silent_s"] * 1e9)
    while True:
        samples.read()
        now = time.monotonic_ns()
        if steady_ns and samples.first_ack and samples.last_ack - samples.first_ack >= steady_ns:
            return "steady"
        if now - samples.last_sample > silent_ns:
            return "silent"
        if samples.ended:
            return "ended"
        if down_ns and samples.last_ack and now - samples.last_ack >= down_ns:
            return "down"
        if now >= end:
            return "timeout"
        pause = min(STEP_NS, end - now)
        if down_ns and samples.last_ack:
            pause = min(pause, samples.last_ack + down_ns - now)
        time.sleep(max(pause, 200_000) / 1e9)


def main() -> None:
    """See the module."""
    options = json.loads(sys.argv[1])
    samples = Samples(options["samples"])
    event = wait(options, samples)
    answer = {
        "event": event,
        "monotonic_ns": time.monotonic_ns(),
        "last_ack_ns": samples.last_ack,
        "last_sample_ns": samples.last_sample,
    }
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
