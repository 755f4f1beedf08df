"""Units and crontabs for folders with every kind of name, and their installation."""

from __future__ import annotations

import getpass
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from drillbook.errors import MissingPrerequisite, Refused, UsageError
from drillbook.schedule import install
from drillbook.schedule.install import job_of, put, take_away, uninstall
from drillbook.schedule.units import HEADER, SNAPSHOTS, Job, UnitFile, cron_file, parse_at, systemd_units

NAMES = [
    "plain", "with blank", "100% sure", "a%zb", "it's", 'a "quote"', "a\\b", "灾备 演练", "$HOME", "${x}", "`id`",
    "a;b", "#x", "-rf", "%n%%i", "~", "a&&b", "é",
]  # fmt: skip


def job(root: Path, at: str = "02:30") -> Job:
    root.mkdir(parents=True, exist_ok=True)
    launcher = root / "inv"
    launcher.write_text('#!/bin/sh\npwd; printf "%s\\n" "$0" "$@"\n')
    launcher.chmod(0o755)
    return job_of(root, at=at)


def write(folder: Path, *files: UnitFile) -> list[Path]:
    folder.mkdir(exist_ok=True)
    for file in files:
        (folder / file.name).write_text(file.text)
    return [folder / file.name for file in files]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
@pytest.mark.parametrize("name", NAMES)
def test_systemd_accepts_the_units_and_finds_what_they_run(tmp_path: Path, name: str) -> None:
    # verify complains about a command that is not an executable file, so a path that was escaped wrongly fails.
    paths = write(tmp_path / "units", *systemd_units(job(tmp_path / name)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, paths)], capture_output=True, text=True, check=False
    )
    said = [line for line in (done.stdout + done.stderr).splitlines() if "drillbook" in line]
    assert (done.returncode, said) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_check_finds_a_path_that_was_escaped_wrongly(tmp_path: Path) -> None:
    made = job(tmp_path / "a%zb")
    service, timer = systemd_units(made)
    wrong = UnitFile(service.name, service.text.replace("a%%zb/inv", "a%zb/inv"))
    assert wrong != service
    paths = write(tmp_path / "units", wrong, timer)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(paths[0])], capture_output=True, check=False)
    assert done.returncode != 0


def as_cron_reads_it(line: str) -> str:
    """Give the command of a line, as crontab(5) takes it apart: an unescaped % ends it."""
    command = line.split(maxsplit=6)[6]
    end = next((at for at, each in enumerate(command) if each == "%" and command[at - 1] != "\\"), len(command))
    return command[:end].replace("\\%", "%")


@pytest.mark.parametrize("name", [name for name in NAMES if "\\" not in name])
def test_a_shell_runs_what_cron_is_given(tmp_path: Path, name: str) -> None:
    made = job(tmp_path / name)
    line = cron_file(made).text.splitlines()[-1]
    assert line.startswith(f"30 2 * * * {getpass.getuser()} ")
    done = subprocess.run(["/bin/sh", "-c", as_cron_reads_it(line)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(made.root), str(made.program), "drills"]


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a\tb", "a\x7fb", "a\udcffb"])
@pytest.mark.parametrize("make", [systemd_units, cron_file])
def test_a_name_that_no_file_can_hold_is_refused(name: str, make: object) -> None:
    assert callable(make)
    root = Path("/srv") / name
    with pytest.raises(Refused) as caught:
        make(Job(root, root / "inv", ("drills",), "02:30", "root"))
    assert "\n" not in caught.value.message
    caught.value.message.encode()


@pytest.mark.parametrize(
    ("make", "name"),
    [(systemd_units, "ends in "), (systemd_units, "ends in\\"), (cron_file, "a\\b"), (cron_file, "x" * 900)],
)
def test_what_only_one_of_them_can_hold(make: object, name: str) -> None:
    assert callable(make)
    root = Path("/srv") / name
    with pytest.raises(Refused):
        make(Job(root, root / "inv", ("drills",), "02:30", "root"))


@pytest.mark.parametrize("user", ["", "a b", "root\nExecStart=/bin/x", "%n", "$x"])
def test_a_user_name_is_no_syntax(user: str) -> None:
    for make in (systemd_units, cron_file):
        with pytest.raises(Refused):
            make(Job(Path("/srv/x"), Path("/srv/x/inv"), ("drills",), "02:30", user))


@pytest.mark.parametrize(("text", "at"), [("02:30", "02:30"), ("2:05", "02:05"), ("23:59", "23:59")])
def test_times_of_day(text: str, at: str) -> None:
    assert parse_at(text) == at


@pytest.mark.parametrize("text", ["", "24:00", "2:5", "02:60", "2.30", "02:30\n", "*:0", "02:30 x", "٠٢:٣٠"])
def test_what_is_no_time_of_day(text: str) -> None:
    with pytest.raises(UsageError):
        parse_at(text)


def test_a_missed_run_is_made_up_for_and_two_checkouts_have_two_units(tmp_path: Path) -> None:
    one, two = systemd_units(job(tmp_path / "a")), systemd_units(job(tmp_path / "b"))
    assert "Persistent=true" in one[1].text
    assert "RandomizedDelaySec=" in one[1].text
    assert "OnCalendar=*-*-* 02:30:00" in one[1].text
    assert {file.name for file in one}.isdisjoint(file.name for file in two)


def test_a_checkout_without_a_launcher_runs_invoke(tmp_path: Path) -> None:
    found = job_of(tmp_path, at="02:30")
    assert found.arguments == ("-m", "invoke", "drills")
    assert shlex.quote(str(found.program)) in cron_file(found).text


# --- installing ----------------------------------------------------------------------------------


def test_installing_twice_changes_nothing(tmp_path: Path) -> None:
    units = systemd_units(job(tmp_path / "estate"))
    folder = tmp_path / "system"
    folder.mkdir()
    assert [each.what for each in put(units, folder)] == ["written", "written"]
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert [each.what for each in put(units, folder)] == ["unchanged", "unchanged"]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    later = systemd_units(job(tmp_path / "estate", at="03:00"))
    assert [each.what for each in put(later, folder)] == ["unchanged", "written"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(unit.name for unit in units)


def test_a_file_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    units = systemd_units(job(tmp_path / "estate"))
    theirs = tmp_path / units[1].name
    theirs.write_text("[Timer]\n")
    with pytest.raises(Refused, match="not written by drillbook"):
        put(units, tmp_path)
    with pytest.raises(Refused):
        take_away([units[1].name], tmp_path)
    assert theirs.read_text() == "[Timer]\n"
    assert not (tmp_path / units[0].name).exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text(HEADER)
    (tmp_path / "unit").symlink_to(victim)
    with pytest.raises(Refused):
        put([UnitFile("unit", "x")], tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    with pytest.raises(Refused):
        put([UnitFile("gone", "x")], tmp_path)


def test_removing_takes_away_what_is_ours_and_nothing_else(tmp_path: Path) -> None:
    made = job(tmp_path / "estate")
    cron = tmp_path / "cron.d"
    cron.mkdir()
    (cron / "other").write_text("x")
    put([cron_file(made)], cron)
    systemd = tmp_path / "system"
    systemd.mkdir()
    assert [each.path.name for each in uninstall(made, systemd=systemd, cron=cron)] == [made.name]
    assert [path.name for path in cron.iterdir()] == ["other"]
    assert uninstall(made, systemd=systemd, cron=cron) == []


def test_a_folder_for_cron_is_no_cron(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = job(tmp_path / "estate")
    programs, cron = tmp_path / "bin", tmp_path / "cron.d"
    programs.mkdir()
    cron.mkdir()
    monkeypatch.setattr(install, "_PROGRAMS", str(programs))
    with pytest.raises(MissingPrerequisite, match="no cron"):
        install.install_cron(made, folder=cron)
    assert not list(cron.iterdir())
    (programs / "crontab").touch(mode=0o755)
    assert [each.what for each in install.install_cron(made, folder=cron)] == ["written"]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(MissingPrerequisite, match="No such file") as caught:
        put([UnitFile("unit", HEADER)], tmp_path / "none")
    assert "sudo" in caught.value.remedy


def test_what_is_hourly_has_units_of_its_own_beside_the_drills(tmp_path: Path) -> None:
    drills, snapshots = job(tmp_path), job_of(tmp_path, at="0:17", duty=SNAPSHOTS)
    assert drills.name != snapshots.name
    service, timer = systemd_units(snapshots)
    assert f"ExecStart={tmp_path}/inv standby.snapshot --due\n" in service.text
    assert "OnCalendar=*-*-* *:17:00\n" in timer.text
    assert cron_file(snapshots).text.splitlines()[-1].startswith("17 * * * * ")
    for file in (service, timer, cron_file(snapshots)):
        assert file.text.startswith(f"{HEADER}standby.schedule)")
    write(tmp_path / "units", *systemd_units(drills))
    put(systemd_units(snapshots), tmp_path / "units")
    uninstall(snapshots, systemd=tmp_path / "units", cron=tmp_path / "cron")
    assert {path.name for path in (tmp_path / "units").iterdir()} == {each.name for each in systemd_units(drills)}
