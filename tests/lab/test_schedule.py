"""Drills that run by themselves, for real: what is due runs, two never overlap, and systemd starts what it is given."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.evidence.archive import read_archive
from drillbook.schedule.units import Job, systemd_units
from tests.harness import PROBE_HOST, Pair
from tests.lab.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("lab")]

SEEN = ROOT / ".drillbook/last-seen.json"


@pytest.fixture
def all_due() -> Iterator[None]:
    """A checkout in which every drill is due, since its clock seems to have been set back."""
    before = SEEN.read_bytes() if SEEN.exists() else None
    records = {folder.name for folder in (ROOT / "drills/records").glob("*")}
    SEEN.parent.mkdir(mode=0o700, exist_ok=True)
    SEEN.write_text(json.dumps({"last": f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"}))
    yield
    for folder in (ROOT / "drills/records").glob("*"):
        if folder.name not in records:
            shutil.rmtree(folder)
    if before is None:
        SEEN.unlink()
    else:
        SEEN.write_bytes(before)


def inv(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["./inv", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def wait_for(path: Path, words: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has said these words. It fails when it ends without."""
    while process.poll() is None and words not in path.read_text():
        time.sleep(0.1)
    assert words in path.read_text()


@pytest.mark.usefixtures("all_due")
def test_two_never_overlap_and_a_killed_one_is_made_up_for(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out.open("w") as file:
        first = subprocess.Popen(["./inv", "drills", "--max", "1"], cwd=ROOT, stdout=file, stderr=file)
    try:
        wait_for(out, "probes, until every attempt is acknowledged", first)
        second = inv("drills")
        assert second.returncode == 6
        assert f"(process {first.pid}, since " in second.stderr
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    pair = Pair()
    clients = "systemctl list-units --plain --no-legend 'drillbook-probe-*'"
    assert pair.shell(PROBE_HOST, clients), "nobody has ended the killed drill's clients yet"
    counted = len(read_archive(ROOT).kept)
    third = inv("drills", "--max", "1")
    assert third.returncode == 0, third.stdout + third.stderr
    assert "did not end. Its faults were taken away" in " ".join(third.stdout.split())
    assert third.stdout.splitlines()[-1].startswith("drills: ok; ran 1: ")
    assert len(read_archive(ROOT).kept) == counted + 1
    assert pair.shell(PROBE_HOST, clients) == ""
    pair.hosts.close()


@pytest.mark.parametrize("name", ["100% with $HOME and ${x}", 'it\'s "here"', "a\\b 灾备"])
def test_systemd_runs_what_the_unit_says(name: str) -> None:
    pair = Pair()
    root = Path("/srv") / name
    job = Job(root=root, program=root / "inv", arguments=("drills",), at="02:30", user="root")
    service, timer = systemd_units(job)
    launcher = '#!/bin/sh\npwd > /run/ran; printf "%s\\n" "$@" "$HOME" "$LANG" >> /run/ran\n'
    files = {f"{root}/inv": launcher, f"/etc/systemd/system/{service.name}": service.text,
             f"/etc/systemd/system/{timer.name}": timer.text}  # fmt: skip
    writes = "".join(f"printf %s {shlex.quote(text)} > {shlex.quote(path)}\n" for path, text in files.items())
    try:
        said = pair.shell(
            PROBE_HOST,
            f"mkdir -p {shlex.quote(str(root))}\n{writes}chmod 755 {shlex.quote(f'{root}/inv')}\n"
            f"systemctl daemon-reload\nsystemctl enable --now {timer.name} 2>/dev/null\n"
            f"systemctl start {service.name}\ncat /run/ran\n"
            f"systemctl show -p Persistent,NextElapseUSecRealtime {timer.name}",
        )
        lines = said.splitlines()
        assert lines[:4] == [str(root), "drills", "/root", "C.UTF-8"]
        assert "Persistent=yes" in lines
        assert "02:3" in said or "02:4" in said
    finally:
        pair.shell(
            PROBE_HOST,
            f"systemctl disable --now {timer.name} 2>/dev/null\nrm -rf /etc/systemd/system/{job.name}.* "
            f"{shlex.quote(str(root))} /run/ran\nsystemctl daemon-reload",
        )
        pair.hosts.close()
