"""The scripts of a cold standby's runbooks: what both of them say is the same, and in which order files move."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROMOTION, FAILBACK = "RB-STANDBY-PROMOTION", "RB-STANDBY-FAILBACK"
PATHS = ("/etc/web", "/etc/drillbook/roles/my-web.conf", "/srv/www")


def step(runbook: str, id_: str) -> dict[str, Any]:
    book = yaml.safe_load((ROOT / "runbooks" / f"{runbook}.yaml").read_text())
    found: dict[str, Any] = next(each for each in book["steps"] if each["id"] == id_)
    return found


def traced(script: str, *values: str, root: Path) -> list[list[str]]:
    """Run a script as a host does, with ``root`` in place of the disk; give the commands that it ran."""
    for folder in ("/var/lib", "/etc/drillbook"):
        script = script.replace(folder, f"{root}{folder}")
    done = subprocess.run(
        ["/bin/sh", "-eux", "-c", script, "step", *values], capture_output=True, text=True, check=True, timeout=20
    )
    return [line.removeprefix("+ ").replace(str(root), "").split() for line in done.stderr.splitlines()]


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A host that has restored a snapshot, and not yet put it into place."""
    for path in PATHS:
        place = tmp_path / "var/lib/drillbook/standby/my-web/incoming" / str(tmp_path / path[1:])[1:]
        place.parent.mkdir(parents=True)
        place.write_text("restored")
    return tmp_path


@pytest.mark.parametrize(("runbook", "runtime"), [(PROMOTION, True), (FAILBACK, False)])
def test_the_role_is_there_when_all_else_is_and_gone_before_the_rest(runbook: str, runtime: bool, disk: Path) -> None:
    """hold(8) takes a role at boot as soon as its file is there."""
    install = step(runbook, "install")
    places = [f"{disk}{path}" for path in PATHS]
    ran = traced(install["run"]["script"], "my-web", "web", *([""] if runtime else []), *places, root=disk)
    moved = [each[-1] for each in ran if each[0] == "mv"]
    assert moved == ["/etc/web", "/srv/www", "/etc/drillbook/roles/my-web.conf"]
    assert all(Path(place).read_text() == "restored" for place in places)
    (disk / "var/lib/drillbook/standby/my-web/cold").write_text("./etc|d\n")
    first = ["my-web", ""] if runtime else []
    ran = traced(install["undo"]["run"]["script"], *first, *places, root=disk)
    removed = [each[-1] for each in ran if each[0] == "rm"]
    assert removed[0] == "/etc/drillbook/roles/my-web.conf"
    assert not any(Path(place).exists() for place in places)


def test_both_start_a_service_in_the_same_way() -> None:
    assert step(PROMOTION, "start")["run"] == step(FAILBACK, "start")["run"]


def test_what_a_person_does_at_no_console_is_said_in_both_languages() -> None:
    for file in (ROOT / "runbooks").glob("*.yaml"):
        for each in yaml.safe_load(file.read_text())["steps"]:
            for hand in each.get("by_hand", ()):
                at_a_console = True in hand  # what yaml makes of the key "on"
                assert at_a_console == isinstance(hand["do"], str), f"{file.name}: {hand['do']}"
