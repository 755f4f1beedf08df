"""Installs and removes units and crontabs: only files that carry our first line are ever replaced or removed."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.errors import MissingPrerequisite, Refused, StepFailed
from drillbook.schedule.units import DRILLS, HEADER, Duty, Job, UnitFile, cron_file, systemd_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SYSTEMD = Path("/etc/systemd/system")
CRON = Path("/etc/cron.d")
_PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RUNNING = Path("/run/systemd/system")  # sd_booted(3)


@dataclass(frozen=True, slots=True)
class Change:
    """What was done with a file: written, unchanged or removed."""

    path: Path
    what: str


def job_of(root: Path, *, at: str, duty: Duty = DRILLS) -> Job:
    """Give the job of a checkout: its own launcher, or invoke as it runs now when it has none."""
    root = root.resolve()
    launcher = root / "inv"
    program, arguments = (
        (launcher, duty.command)
        if os.access(launcher, os.X_OK) and launcher.is_file()
        else (Path(sys.executable), ("-m", "invoke", *duty.command))
    )
    return Job(root=root, program=program, arguments=arguments, at=at, user=getpass.getuser(), duty=duty)


def install_systemd(job: Job, *, folder: Path = SYSTEMD) -> list[Change]:
    """Install service and timer and start the timer; a second time changes nothing.

    Raises MissingPrerequisite (no systemd, not root), Refused (a file that is not ours), StepFailed.
    """
    require_systemd()
    changes = put(systemd_units(job), folder)
    _systemctl("daemon-reload")
    _systemctl("enable", "--now", f"{job.name}.timer")
    return changes


def install_cron(job: Job, *, folder: Path = CRON) -> list[Change]:
    """Install the file for cron. Raises MissingPrerequisite (no cron, not root), Refused (a file that is not ours)."""
    # Other packages bring the folder too: it says nothing. Every cron brings one of the programs.
    if not folder.is_dir() or not any(shutil.which(name, path=_PROGRAMS) for name in ("crontab", "cron", "crond")):
        raise MissingPrerequisite("this machine has no cron, so nothing would ever run", remedy="apt-get install cron")
    return put([cron_file(job)], folder)


def uninstall(job: Job, *, systemd: Path = SYSTEMD, cron: Path = CRON) -> list[Change]:
    """Take away what was installed for this checkout: timer, service, cron's file. Raises as the others do."""
    units = [f"{job.name}.timer", f"{job.name}.service"]
    changes: list[Change] = []
    if any((systemd / name).exists() for name in units):
        for name in units:
            _ours(systemd / name)
        if _RUNNING.is_dir():
            _systemctl("disable", "--now", units[0])
        changes += take_away(units, systemd)
        if _RUNNING.is_dir():
            _systemctl("daemon-reload")
    return changes + take_away([job.name], cron)


def put(files: Iterable[UnitFile], folder: Path) -> list[Change]:
    """Write files whole, or not at all. Raises Refused for one that is not ours, MissingPrerequisite."""
    wanted = [(folder / each.name, each.text) for each in files]
    before = [_ours(path) for path, _ in wanted]
    changes = []
    for (path, text), old in zip(wanted, before, strict=True):
        if old == text:
            changes.append(Change(path, "unchanged"))
            continue
        # A dot and no suffix: neither systemd nor cron reads such a name.
        fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            fresh.write_text(text, encoding="utf-8")
            fresh.chmod(0o644)
            fresh.replace(path)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise _cannot(path, error) from None
        changes.append(Change(path, "written"))
    return changes


def take_away(names: Iterable[str], folder: Path) -> list[Change]:
    """Remove those of the files that are there. Raises Refused for one that is not ours, MissingPrerequisite."""
    paths = [folder / name for name in names]
    there = [path for path in paths if _ours(path) is not None]
    for path in there:
        try:
            path.unlink()
        except OSError as error:
            raise _cannot(path, error) from None
    return [Change(path, "removed") for path in there]


def require_systemd() -> None:
    """Raises MissingPrerequisite when this machine was not booted with systemd."""
    if not _RUNNING.is_dir():
        raise MissingPrerequisite(
            "systemd does not run on this machine, so a timer would never fire",
            remedy="say --cron --install, or print the units and install them elsewhere",
        )


def _systemctl(*arguments: str) -> None:
    """Run systemctl. Raises StepFailed with what it said, MissingPrerequisite when it is not there."""
    command: Sequence[str] = ["systemctl", "--no-ask-password", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        raise MissingPrerequisite("this machine has no systemctl", remedy="say --cron") from None
    except subprocess.TimeoutExpired:
        raise StepFailed(f"{' '.join(command)} did not end within 60 s") from None
    if done.returncode != 0:
        raise StepFailed(f"{' '.join(command)}: {done.stderr.strip() or f'exit code {done.returncode}'}")


def _ours(path: Path) -> str | None:
    """Give the text of a file of ours, None when there is none. Raises Refused when it is another's."""
    if not os.path.lexists(path):
        return None
    try:
        text = path.read_bytes().decode(errors="replace") if path.is_file() and not path.is_symlink() else ""
    except OSError as error:
        raise _cannot(path, error) from None
    if not text.startswith(HEADER):
        raise Refused(f"{path} is there already and was not written by drillbook; nothing was changed")
    return text


def _cannot(path: Path, error: OSError) -> MissingPrerequisite:
    return MissingPrerequisite(f"{path}: {error.strerror}", remedy="installing needs root and the folder: sudo ./inv …")
