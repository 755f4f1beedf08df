"""The lab heals from anything: a killed start or build, a host that died, a machine that was restarted."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.lab import lifecycle, network, podman, vitals
from drillbook.lab.image import Recipe
from drillbook.lab.state import RUN_DIR
from drillbook.tasks.lab import lab_environment
from tests.lab.conftest import ROOT
from tests.lab.few_hosts import HOSTS
from tests.lab.lab_help import MARKS, assert_gone, assert_whole, bring_up, living, sql

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb
    from drillbook.lab.state import LabState

pytestmark = MARKS

BUILD = """
from pathlib import Path
from drillbook.console.progress import progress_for
from drillbook.lab.image import Recipe, ensure_image
ensure_image(Recipe.from_fields({"suite": "bookworm"}), progress_for())
"""


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(f"starting {len(HOSTS)} hosts", 0.3), (f"provisioning {len(HOSTS)} hosts", 1.5)],
)
def test_a_killed_up_heals(lab_machine: None, estate: Cmdb, after: str, seconds: float) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.few_hosts"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if after in line:
            break
    time.sleep(seconds)
    assert process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    assert_gone("ansible", str(RUN_DIR))

    bring_up()
    assert_whole(estate)


def test_a_killed_build_leaves_no_process_and_no_mount_and_the_next_one_succeeds(lab: LabState) -> None:
    recipe = Recipe.from_fields({"suite": "bookworm"})
    assert not recipe.store.exists()
    mounts = Path("/proc/self/mountinfo").read_text()
    process = subprocess.Popen([sys.executable, "-c", BUILD], cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not living("dpkg", "--root", str(recipe.store.parent)) and not living("dpkg", f"new-{recipe.tag}"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert_gone(f"new-{recipe.tag}")
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert not recipe.store.exists()

    try:
        subprocess.run([sys.executable, "-c", BUILD], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        assert recipe.store.is_dir()
        assert not list(recipe.store.parent.glob("new-*"))
    finally:
        shutil.rmtree(recipe.store, ignore_errors=True)


def test_a_host_that_died_is_made_anew_and_the_others_are_left(lab_machine: None, estate: Cmdb) -> None:
    before = bring_up()
    sql(estate, "core-db-1", "create table if not exists kept ()")
    os.kill(vitals.init_pid(before.hosts["mon-1"].container_id), signal.SIGKILL)
    after = bring_up()
    assert_whole(estate)
    assert {item for item in after.hosts if after.hosts[item] != before.hosts[item]} == {"mon-1"}
    assert sql(estate, "core-db-1", "select to_regclass('kept')") == "kept"


def test_a_crash_of_the_machine_is_healed(lab_machine: None, estate: Cmdb) -> None:
    """All processes gone, the mount namespace and the bridge too, files of another boot left behind."""
    before = bring_up()
    vitals.sweep_processes()
    podman.drop_namespace()
    network.drop_bridge()
    note = RUN_DIR / "machine.json"
    known = json.loads(note.read_text())
    note.write_text(json.dumps({**known, "boot_id": "another"}))
    # As after a boot.
    Path("/proc/sys/fs/inotify/max_user_instances").write_text(str(known["inotify_instances"]))
    status = lifecycle.status(estate, lab_environment(estate), root=ROOT)
    assert "restarted" in status.problem
    after = bring_up()
    assert_whole(estate)
    assert not {host.container_id for host in after.hosts.values()} & {
        host.container_id for host in before.hosts.values()
    }


def test_a_lost_mount_namespace_is_healed(lab_machine: None, estate: Cmdb) -> None:
    bring_up()
    podman.drop_namespace()
    bring_up()
    assert_whole(estate)
