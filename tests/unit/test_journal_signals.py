"""A signal in the middle of an append: the chain stays whole."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from drillbook.journal.record import read_journal

if TYPE_CHECKING:
    from pathlib import Path

# Appends until a file appears, and counts how often it was interrupted in it. The handler raises once for each
# append at most, so that no signal falls into the handling of the one before.
WRITER = """
import signal, sys
from pathlib import Path
from drillbook.clock import SystemClock
from drillbook.journal.writer import Journal

armed, interrupted, stop = False, 0, Path(sys.argv[2])

def press(number, frame):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, press)
journal = Journal.create(Path(sys.argv[1]), SystemClock())
print("ready", flush=True)
while not stop.exists():
    try:
        armed = True
        journal.append("note")
        armed = False
    except KeyboardInterrupt:
        interrupted += 1
journal.append("note")
print(interrupted)
"""


def test_an_interrupted_append_is_whole_or_not_there(tmp_path: Path) -> None:
    path, stop = tmp_path / "journal", tmp_path / "stop"
    with subprocess.Popen([sys.executable, "-c", WRITER, path, stop], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        for _ in range(300):
            writer.send_signal(signal.SIGINT)
            time.sleep(0.002)
        stop.touch()
        interrupted = int(writer.stdout.read())
    records = read_journal(path)
    assert interrupted > 20
    assert [record.seq for record in records] == list(range(len(records)))
    assert len(records) > 100
