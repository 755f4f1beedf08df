"""What makes drills and snapshots run by themselves: printed, installed, or taken away again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.console.output import console
from drillbook.errors import UsageError
from drillbook.schedule import install as installing
from drillbook.schedule.units import cron_file, parse_at, systemd_units
from drillbook.tasks.common import estate_root

if TYPE_CHECKING:
    from drillbook.schedule.units import Duty


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for: a systemd timer or cron, when (HH:MM), to write it or only print it, or to take it away."""

    systemd: bool
    cron: bool
    at: str
    install: bool
    remove: bool


def set_up(duty: Duty, asked: Asked) -> None:
    """Print, install or take away what runs a duty. Raises UsageError, and what ``schedule.install`` raises."""
    if asked.remove and (asked.install or asked.systemd or asked.cron):
        raise UsageError("--remove goes alone: it takes away whatever was installed for this checkout")
    job = installing.job_of(estate_root(), at=parse_at(asked.at), duty=duty)
    if asked.remove:
        changes = installing.uninstall(job)
        for change in changes:
            console.print(f"✓ {change.what}  {change.path}")
        if not changes:
            console.print("Nothing is installed for this checkout.")
        return
    if asked.systemd == asked.cron:
        raise UsageError("say which: --systemd or --cron", remedy=f"./inv {duty.schedule} --systemd")
    if not asked.install:
        for file in systemd_units(job) if asked.systemd else (cron_file(job),):
            console.print(f"# {installing.SYSTEMD if asked.systemd else installing.CRON}/{file.name}", soft_wrap=True)
            console.print(file.text, soft_wrap=True)
        return
    for change in installing.install_systemd(job) if asked.systemd else installing.install_cron(job):
        console.print(f"✓ {change.what}  {change.path}")
    when = "hour" if duty.hourly else f"day at {job.at}"
    console.print(f"  ./inv {' '.join(duty.command)} runs every {when}; a run that was missed is made up for.")
    if asked.systemd:
        console.print(f"  next run:  systemctl list-timers {job.name}.timer\n  its log:   journalctl -u {job.name}")
    else:
        console.print("  its output is mailed by cron to the user who runs it")
