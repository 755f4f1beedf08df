"""The tasks of history and schedule as a person types them, in an estate without hosts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml
from icalendar import Calendar

from drillbook.clock import SystemClock
from drillbook.evidence.verdict import Result
from drillbook.schedule.lock import only_one
from tests.archive_values import written
from tests.estate_copy import NO_CACHES

pytestmark = pytest.mark.slow  # each test starts processes, or waits for one

ROOT = Path(__file__).parents[2]
DAY = timedelta(days=1)


def inv(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "invoke", "--search-root", str(ROOT), *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "HOME": str(folder), "TZ": "UTC",
             "COLUMNS": "200"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The estate that ships, without its records."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("cmdb.d", "runbooks", "playbooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=NO_CACHES)
    shutil.copy(ROOT / "cmdb.yaml", folder)
    (folder / "drills").mkdir()
    for path in (ROOT / "drills").glob("*.yaml"):
        shutil.copy(path, folder / "drills")
    return folder


@pytest.fixture
def estate(whole: Path, tmp_path: Path) -> Path:
    shutil.copytree(whole, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "cmdb.yaml").write_text("organisation: Example\n")
    return tmp_path


def drills(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "drills").glob("*.yaml"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("drills",), 0, "drills: ok; ran 0: none; 0 s; nothing due"),
        (("drills", "--dry-run"), 0, "nothing is due"),
        (("drills.due",), 0, "no drills"),
        (("drills.list",), 0, "no drills"),
        (("drills.calendar",), 0, "BEGIN:VCALENDAR"),
        (("drills.schedule", "--systemd"), 0, "Persistent=true"),
        (("drills.schedule", "--cron", "--at", "4:07"), 0, "7 4 * * *"),
        (("drills.history", "any"), 2, "there is no drill 'any'"),
        (("drills.schedule",), 2, "--systemd or --cron"),
        (("drills.schedule", "--systemd", "--cron"), 2, "--systemd or --cron"),
        (("drills.schedule", "--systemd", "--at", "25:00"), 2, "time of day"),
        (("drills.schedule", "--remove", "--install"), 2, "--remove goes alone"),
        (("drills", "--max", "-1"), 2, "at least 1"),
        (("drills", "--for", "soon"), 2, "'soon' is not a duration"),
        (("drills", "--for", "1m"), 2, "--for '1m' is not a duration"),
        (("drills", "--for", "1m"), 2, "--for 2h or --for 30min"),
        (("drills.list", "--lang", "zh"), 0, "本工程没有演练"),
        (("drills.list", "--lang", "fr"), 2, "--lang en or --lang zh"),
        (("drills.due", "--lang", "fr"), 2, "--lang en or --lang zh"),
        (("drills.calendar", "--months", "0"), 2, "from 1 to 60"),
        (("drills.calendar", "--lang", "fr"), 2, "--lang en or --lang zh"),
        (("drills.calendar", "--out", "/nowhere/x.ics"), 2, "cannot be written"),
    ],
)  # fmt: skip
def test_an_estate_without_services_or_drills(empty: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = inv(empty, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_everything_that_never_ran_is_due_and_the_order_is_said(estate: Path) -> None:
    names = drills(estate)
    done = inv(estate, "drills.due")
    assert done.returncode == 20, done.stderr
    assert all(name in done.stdout for name in names)
    assert "No drill at all for" in done.stdout
    planned = inv(estate, "drills", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    order = [line.split()[1] for line in planned.stdout.splitlines() if line.strip()[:2].rstrip(".").isdigit()]
    assert sorted(order) == names
    assert order[0] == next(name for name in names if "switchover" in name)
    assert "planned; nothing was run" in planned.stdout
    assert not (estate / ".drillbook/last-seen.json").exists()


@pytest.mark.parametrize(("bounds", "run"), [(("--max", "2"), 2), (("--for", "1s"), 0)])
def test_a_dry_run_keeps_to_the_bounds(estate: Path, bounds: tuple[str, str], run: int) -> None:
    lines = inv(estate, "drills", "--dry-run", *bounds).stdout.splitlines()
    assert sum(line.strip()[:1].isdigit() for line in lines) == run
    assert sum("not now: " in line for line in lines) == len(drills(estate)) - run


def test_the_findings_of_all_drills_come_at_once(estate: Path) -> None:
    names = drills(estate)[:3]
    changes = (("service: ", "service: no-"), ("primary: ", "primry: "), ("drill: ", "drill "))
    for name, (old, new) in zip(names, changes, strict=True):
        path = estate / f"drills/{name}.yaml"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
    done = inv(estate, "drills.list")
    assert done.returncode == 3
    assert all(f"drills/{name}.yaml:" in done.stderr for name in names), done.stderr


def test_one_wrong_drill_is_named_and_the_others_are_planned(estate: Path) -> None:
    first, *others = drills(estate)
    path = estate / f"drills/{first}.yaml"
    path.write_text(path.read_text().replace("drill: ", "drill ", 1))
    planned = inv(estate, "drills", "--dry-run")
    assert planned.returncode == 3, planned.stderr
    assert f"drills/{first}.yaml:" in planned.stderr
    assert planned.stderr.splitlines()[-1].endswith(f": {first}")
    assert all(name in planned.stdout for name in others)


def test_all_done_lately_is_nothing_due(estate: Path) -> None:
    now = datetime.now(UTC)
    first, *others = drills(estate)
    for name in others:
        written(estate, drill=name, at=now - 2 * DAY)
    written(estate, drill=first, at=now - 2 * DAY, verdict=Result.MISSED)
    done = inv(estate, "drills.due")
    assert (done.returncode, "Nothing is due" in done.stdout) == (0, True), done.stdout
    assert f"MISSED when last run: {first}." in done.stdout
    everything = inv(estate, "drills.due", "--all").stdout
    assert "MISSED" in everything
    assert everything.count("next ") == len(others) + 1
    run = inv(estate, "drills")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1].startswith("drills: ok; ran 0: none; 0 s; nothing due; next ")
    assert inv(estate, "drills.list").stdout.count("next ") == len(others) + 1


def test_a_clock_that_was_set_back_is_said_and_makes_due(estate: Path) -> None:
    now = datetime.now(UTC)
    for name in drills(estate):
        written(estate, drill=name, at=now - 2 * DAY)
    future = written(estate, drill=drills(estate)[0], at=now + 9 * DAY)
    done = inv(estate, "drills", "--dry-run")
    assert f"{future.name} says that it was made later than now" in done.stdout
    assert f"1.  {drills(estate)[0]}  due" in done.stdout
    assert "2. " not in done.stdout
    future.rename(estate / "gone")
    assert "nothing is due" in inv(estate, "drills", "--dry-run").stdout
    (estate / ".drillbook/last-seen.json").write_text(json.dumps({"last": f"{now + DAY:%Y-%m-%dT%H:%M:%SZ}"}))
    assert inv(estate, "drills", "--dry-run").stdout.count("the clock was set back") == len(drills(estate))


def test_a_record_that_was_changed_is_shown_and_not_counted(estate: Path) -> None:
    name = drills(estate)[0]
    folder = written(estate, drill=name, at=datetime.now(UTC) - DAY)
    record = folder / "record.json"
    record.write_text(record.read_text().replace('"rto": 60', '"rto": 90'))
    assert f"{folder.name} is not counted: record.json: it was changed" in inv(estate, "drills.due").stdout
    history = inv(estate, "drills.history", name)
    assert history.returncode == 0
    assert f"{folder.name}: record.json: it was changed after it was written" in history.stdout


def test_drills_in_a_freeze_are_skipped_and_that_is_no_failure(estate: Path) -> None:
    path = estate / "cmdb.d/policies.yaml"
    value = yaml.safe_load(path.read_text())
    today = datetime.now(UTC).date()
    value["policies"]["freeze-periods"]["periods"]["now"] = {
        "title": {"en": "A freeze", "zh": "冻结"},
        "from": str(today - DAY), "until": str(today + DAY), "environments": ["lab"],
        "on_duty": [next(iter(value["policies"]["freeze-periods"]["periods"].values()))["on_duty"][0]],
    }  # fmt: skip
    for period in value["policies"]["freeze-periods"]["periods"].values():
        period["from"], period["until"] = str(period["from"]), str(period["until"])
    tiers = value["policies"]["drill-intervals"]["by_tier"]
    value["policies"]["drill-intervals"]["by_tier"] = {str(tier): each for tier, each in tiers.items()}
    path.write_text(yaml.safe_dump(value, allow_unicode=True))
    done = inv(estate, "drills")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("freeze period 'now'") == 2 * len(drills(estate))
    last = done.stdout.splitlines()[-1]
    assert last.startswith(f"drills: ok; ran 0: none; {len(drills(estate))} left;")


@pytest.mark.parametrize("command", [("drills",), ("drills.run", "any"), ("drills", "--dry-run")])
def test_two_never_overlap(estate: Path, command: tuple[str, ...]) -> None:
    (estate / ".drillbook").mkdir(mode=0o700)
    command = tuple(drills(estate)[0] if each == "any" else each for each in command)
    with only_one(estate / ".drillbook", what="the drill that is going on", clock=SystemClock()):
        done = inv(estate, *command)
    assert done.returncode == 6
    assert "another drill is going on in this checkout: the drill that is going on (process" in done.stderr


def test_history_in_every_form(estate: Path) -> None:
    name = drills(estate)[0]
    assert f"nothing recorded yet. Run it: ./inv drills.run {name}" in inv(estate, "drills.history", name).stdout
    now = datetime.now(UTC)
    for at in range(6):
        written(estate, drill=name, at=now - (6 - at) * DAY, steps={"fence": 0.2, "promote": 0.5 - at * 0.05},
                rto_actual=3 - at * 0.2)  # fmt: skip
    shown = inv(estate, "drills.history", name).stdout
    assert "faster, -0.200 s a run" in shown
    assert "promote" in shown
    value = json.loads(inv(estate, "drills.history", name, "--json").stdout)
    assert [each["outage"] for each in value["runs"]] == pytest.approx([3, 2.8, 2.6, 2.4, 2.2, 2.0])
    assert value["slowest_step"]["step"] == "promote"
    done = inv(estate, "drills.history", name, "--html", "h.html", "--svg", "h.svg", "--lang", "zh")
    assert done.returncode == 0, done.stderr
    ET.parse(estate / "h.svg")
    assert '<html lang="zh-CN">' in (estate / "h.html").read_text()


def test_the_calendar_is_written(estate: Path) -> None:
    done = inv(estate, "drills.calendar", "--out", "d.ics", "--months", "3")
    assert done.returncode == 0, done.stderr
    events = Calendar.from_ical((estate / "d.ics").read_bytes()).walk("VEVENT")
    assert len({str(event["uid"]).rsplit("-", 2)[0] for event in events}) == len(drills(estate))


def test_a_service_may_have_an_interval_of_its_own(estate: Path) -> None:
    name = drills(estate)[0]
    service = yaml.safe_load((estate / f"drills/{name}.yaml").read_text())["service"]
    path = estate / "cmdb.d/policies.yaml"
    text = path.read_text()
    assert "    by_tier:\n" in text
    path.write_text(text.replace("    by_tier:\n", f"    by_service: {{{service}: 2 d}}\n    by_tier:\n", 1))
    written(estate, drill=name, at=datetime.now(UTC) - 3 * DAY)
    done = inv(estate, "drills.due")
    assert "overdue since" in done.stdout, done.stderr


def test_a_device_is_written_to_and_not_replaced(empty: Path) -> None:
    done = inv(empty, "drills.calendar", "--out", "/dev/null")
    assert done.returncode == 0, done.stderr
    assert Path("/dev/null").is_char_device()
