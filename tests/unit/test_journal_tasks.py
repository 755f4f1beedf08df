"""journal.verify as a person types it, in an estate with a pinned base and a remote."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from drillbook.ledger.claims import close_run
from drillbook.ledger.entries import signed
from drillbook.ledger.remote import LEDGER, Remote
from drillbook.signing.sign import Signer
from tests.journal_runs import MadeRun, make_run
from tests.ledger_help import bare
from tests.trust_values import new_estate

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@dataclass
class Ground:
    root: Path
    url: Path
    runs: list[MadeRun]

    def verify(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "invoke", "--search-root", str(ROOT), "journal.verify", *options],
            cwd=self.root, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """Two runs of changes, signed, and entered in the ledger of a remote."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    url = bare(tmp_path / "server.git")
    estate = new_estate(tmp_path)
    pin = estate.pin(remote=str(url))
    dan = Signer("dan", estate.keys["dan"].public, estate.keys["dan"].file)
    folder = estate.root / ".drillbook/runs"
    runs = [
        make_run(folder, number, dan, steps=2, chance=random.Random(1), repository=pin.repository)
        for number in range(2)
    ]
    remote = Remote(estate.root, str(url))
    for run in runs:
        own = [replace(run.entry(what), machine=os.uname().nodename) for what in ("opened", "closed")]
        close_run(remote, *(signed(each, dan) for each in own))
    return Ground(estate.root, url, runs)


def test_sound_runs_end_with_zero(ground: Ground) -> None:
    done = ground.verify()
    assert done.returncode == 0, done.stdout + done.stderr
    for run in ground.runs:
        assert f"✓ {run.folder.name}  {run.records[0].data['change_id']}  rehearsal" in done.stdout
    assert done.stdout.count("signed by dan") == 2
    assert "✓ nothing is wrong: 2 signed; 4 entries in the ledger" in done.stdout
    only = ground.verify("--only", "CHG-2026-0002")
    assert ground.runs[0].folder.name not in only.stdout
    assert ground.verify("--only", "nothing").returncode == 2


def test_the_newest_run_deleted_is_missed(ground: Ground) -> None:
    shutil.rmtree(ground.runs[-1].folder)
    done = ground.verify()
    assert done.returncode == 40
    assert "missing: the ledger has it, begun by dan" in done.stdout
    assert "✗ 1 thing is wrong" in done.stdout


def test_a_changed_record_ends_with_40_and_its_line(ground: Ground) -> None:
    path = ground.runs[0].folder / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"succeeded"', b'"failed"', 1))
    done = ground.verify()
    assert done.returncode == 40
    assert "this record was changed after it was written" in done.stdout
    assert ground.verify("--only", ground.runs[1].folder.name).returncode == 0


def test_a_remote_that_is_away_leaves_what_was_fetched_last(ground: Ground) -> None:
    assert ground.verify().returncode == 0
    ground.url.rename(ground.url.with_name("away"))
    done = ground.verify()
    assert done.returncode == 0, done.stdout
    assert "held against the ledger as it was fetched last" in done.stdout
    shutil.rmtree(ground.runs[-1].folder)
    assert ground.verify().returncode == 40


def test_a_ledger_that_was_rewound_is_noticed_by_who_has_seen_more(ground: Ground) -> None:
    assert ground.verify().returncode == 0  # this machine has seen it now
    subprocess.run(["git", f"--git-dir={ground.url}", "update-ref", "-d", LEDGER], check=True)
    done = ground.verify()
    assert done.returncode == 40
    assert "was rewound or rewritten" in done.stdout


def test_without_a_pin_nobody_could_say_who_signed(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(ground.root / "nothing"))
    done = ground.verify()
    assert done.returncode == 0
    assert "no trusted base is pinned here" in done.stdout
    assert "✓ nothing is wrong: 2 signed, not proved" in done.stdout
    path = ground.runs[0].folder / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    cut = ground.verify()
    assert cut.returncode == 40
    assert "its end is not there" in cut.stdout
