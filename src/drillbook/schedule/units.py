"""What makes a command run by itself: the text of a systemd timer, or of a file for /etc/cron.d. Pure.

A path becomes text of a unit or a crontab, whose syntaxes differ: systemd.unit(5) expands ``%`` everywhere, and
systemd.service(5) takes quotes, backslashes and ``$`` apart in ExecStart= only; crontab(5) ends a command at ``%``.
What one of them cannot hold is refused.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.canonical import digest_bytes
from drillbook.errors import Refused, UsageError

if TYPE_CHECKING:
    from pathlib import Path

HEADER = "# Written by drillbook (./inv "
"""How the first line of every file that is ours begins."""

_LONGEST_CRON = 900  # bytes; cron reads lines of at most 1000
_STOP = "10min"  # what a step that runs on a host may need to be ended in order


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A file to be installed: its name, and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Duty:
    """What can run by itself.

    ``name`` is part of its units' names, ``command`` are the words after ``./inv``, ``schedule`` the task that installs
    it, ``what`` what is due, for people; ``hourly``: every hour, else once a day.
    """

    name: str
    command: tuple[str, ...]
    schedule: str
    what: str
    hourly: bool = False


DRILLS = Duty("drills", ("drills",), "drills.schedule", "run the recovery drills that are due")
SNAPSHOTS = Duty(
    "snapshots",
    ("standby.snapshot", "--due"),
    "standby.schedule",
    "take the snapshots of cold spares that are due",
    hourly=True,
)


@dataclass(frozen=True, slots=True)
class Job:
    """What is run: ``program`` with ``arguments`` in the folder ``root``, as ``user``.

    Daily at ``at`` (HH:MM); where the duty is hourly its minutes count.
    """

    root: Path
    program: Path
    arguments: tuple[str, ...]
    at: str
    user: str
    duty: Duty = DRILLS

    @property
    def name(self) -> str:
        """The name of its units: one for each checkout, so that several can be on one machine."""
        digest = digest_bytes(str(self.root).encode(errors="surrogateescape"))
        return f"drillbook-{self.duty.name}-{digest[7:15]}"

    @property
    def header(self) -> str:
        """The first line of its files."""
        return f"{HEADER}{self.duty.schedule}), which takes it away again with --remove.\n"


def parse_at(text: str) -> str:
    """Give a time of day as ``HH:MM``. Raises UsageError for anything else."""
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
    if found is None:
        raise UsageError(f"--at {text[:40]}: it must be a time of day, such as --at 02:30")
    return f"{int(found[1]):02}:{found[2]}"


def systemd_units(job: Job) -> tuple[UnitFile, UnitFile]:
    """Give service and timer. Raises Refused when the folder's name cannot stand in a unit."""
    root = _holdable(str(job.root), "a systemd unit")
    if root.strip() != root or root.endswith("\\"):
        raise Refused(
            f"{root}: WorkingDirectory= of a systemd unit cannot hold a name that ends in a blank or a backslash",
            remedy="move the checkout to another folder, or use --cron",
        )
    minute = job.at.partition(":")[2]
    command = " ".join([*_program(job), *(_quoted(each).replace("$", "$$") for each in job.arguments)])
    service = (
        f"{job.header}[Unit]\n"
        f"Description=drillbook: {job.duty.what}\n"
        "After=network.target\n\n"
        "[Service]\n"
        "Type=oneshot\n"
        f"User={_user(job.user)}\n"
        f"WorkingDirectory={root.replace('%', '%%')}\n"
        f"ExecStart={command}\n"
        "Environment=LANG=C.UTF-8\n"
        "# A stop asks what runs to end where it is safe; its own connections are not cut meanwhile.\n"
        "KillMode=mixed\n"
        f"TimeoutStopSec={_STOP}\n"
    )
    timer = (
        f"{job.header}[Unit]\n"
        f"Description=drillbook: {'every hour' if job.duty.hourly else 'daily'}, {job.duty.what}\n\n"
        "[Timer]\n"
        f"OnCalendar=*-*-* {f'*:{minute}' if job.duty.hourly else job.at}:00\n"
        "# A run that was missed because the machine was off is made up for.\n"
        "Persistent=true\n"
        "RandomizedDelaySec=10min\n\n"
        "[Install]\n"
        "WantedBy=timers.target\n"
    )
    return UnitFile(f"{job.name}.service", service), UnitFile(f"{job.name}.timer", timer)


def cron_file(job: Job) -> UnitFile:
    """Give the file for /etc/cron.d. Raises Refused when the folder's name cannot stand in a crontab."""
    root = _holdable(str(job.root), "a crontab")
    words = [_holdable(str(job.program), "a crontab"), *job.arguments]
    command = f"cd {shlex.quote(root)} && exec {shlex.join(words)}"
    if "\\" in command:
        raise Refused(
            f"{root}: a backslash in a crontab means something else to each cron",
            remedy="use --systemd, or move the checkout to another folder",
        )
    hour, minute = job.at.split(":")
    line = f"{int(minute)} {'*' if job.duty.hourly else int(hour)} * * * {_user(job.user)} {command}".replace(
        "%", "\\%"
    )
    if len(line.encode()) > _LONGEST_CRON:
        raise Refused(
            f"{root}: the name is too long for a line of a crontab",
            remedy="use --systemd, or move the checkout to another folder",
        )
    text = (
        f"{job.header}"
        "# A run that was missed is made up for by the next one: what is due is computed from what was done.\n"
        "SHELL=/bin/sh\n"
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "LANG=C.UTF-8\n"
        f"{line}\n"
    )
    return UnitFile(job.name, text)


def _program(job: Job) -> list[str]:
    """Give the program of ExecStart=, which systemd (252) refuses with a quote or a backslash, however escaped."""
    program = _holdable(str(job.program), "a systemd unit")
    if not re.search(r"""['"\\]""", program):
        return [_quoted(program)]
    if job.program.parent != job.root:
        raise Refused(f"{program}: a systemd unit cannot run a program of this name", remedy="use --cron")
    return ["/usr/bin/env", _quoted(f"./{job.program.name}")]  # found in WorkingDirectory=


def _quoted(word: str) -> str:
    """Give a word of ExecStart= as systemd.syntax(7) reads it: quoted, with C escapes, specifiers doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[^A-Za-z0-9_./%-]", word) else escaped


def _holdable(path: str, what: str) -> str:
    if any(ord(each) < ord(" ") or each == "\x7f" for each in path):
        raise Refused(
            f"the name {path!r} has a line break or another control character, which {what} cannot hold",
            remedy="move the checkout to another folder",
        )
    try:
        path.encode()
    except UnicodeEncodeError:
        raise Refused(
            f"the name {path!r} is not UTF-8, which {what} has to be", remedy="move the checkout to another folder"
        ) from None
    return path


def _user(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,30}\$?", name):
        raise Refused(f"the user name {name!r} cannot stand in a unit or a crontab")
    return name
