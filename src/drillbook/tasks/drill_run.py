"""Puts together what drills need: the estate's drills and records, and the ground that one drill runs on."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.gate.gate import require_lab
from drillbook.change.records.window import day_of, frozen
from drillbook.clock import SystemClock
from drillbook.cmdb.durations import seconds
from drillbook.console.drill_view import DrillView, show_result
from drillbook.console.output import console
from drillbook.console.progress import progress_for
from drillbook.console.schedule_view import frozen_words
from drillbook.drill.about import protection_of
from drillbook.drill.load import read_drills
from drillbook.drill.runner import run_drill
from drillbook.drill.setting import Setting
from drillbook.errors import InvalidInput, UsageError
from drillbook.evidence.archive import Archive, read_archive
from drillbook.evidence.record import write_record
from drillbook.execution.stop import StopRequest
from drillbook.hosts.connection import Hosts
from drillbook.lab import lifecycle
from drillbook.lab.access import lab_access
from drillbook.plan.targets import target_of
from drillbook.schedule.attended import needs_person
from drillbook.schedule.due import schedule
from drillbook.schedule.policy import policy_of
from drillbook.schedule.seen import look, read_seen, write_seen
from drillbook.schedule.series import Ended, Window
from drillbook.tasks.drill_checks import findings_of, settle_unfinished
from drillbook.tasks.running import remind
from drillbook.tasks.wiring import load_estate, make_surroundings, plan_and_permit
from drillbook.zone import local_zone

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo
    from pathlib import Path

    from drillbook.drill.model import Drill
    from drillbook.lab.state import LabState
    from drillbook.schedule.due import Schedule, Standing
    from drillbook.schedule.policy import Policy
    from drillbook.schedule.seen import Seen
    from drillbook.tasks.wiring import Estate


@dataclass(frozen=True, slots=True)
class Now:
    """How an estate's drills stand at this moment. ``seen`` is what is to be written down when something runs."""

    estate: Estate
    policy: Policy
    schedule: Schedule
    seen: Seen
    zone: tzinfo


def look_at(root: Path) -> Now:
    """Load the estate, its drills and its records, and hold them against policy.

    Raises InvalidInput with the findings of all drills.
    """
    estate = load_estate(root)
    drills, findings = read_drills(root)
    for drill in drills:
        findings += findings_of(drill, estate)
    if findings:
        raise InvalidInput(list(dict.fromkeys(findings)))  # a broken runbook is found by each of its drills
    policy = policy_of(estate.cmdb)
    pairs = {drill.name: pair.id for drill in drills if (pair := protection_of(drill, estate.cmdb)) is not None}
    archive = read_archive(root)
    # After the records were read: one that was being written meanwhile is not in the future.
    now = SystemClock().now()
    seen = look(read_seen(root / ".drillbook"), archive, now)
    found = schedule(policy, drills, archive, pairs=pairs, now=now, seen=seen)
    return Now(estate, policy, found, seen, local_zone())


def not_now(queue: Iterable[Standing], at: Now) -> dict[str, str]:
    """Give, by drill, why it is not run at this moment: a freeze period, or nobody at the terminal."""
    found = {}
    today = day_of(at.schedule.now, at.zone)
    for each in queue:
        freeze = frozen(at.policy.freezes, each.drill.environment, today)
        if freeze is not None:
            found[each.drill.name] = frozen_words(freeze)
        elif not sys.stdin.isatty() and (what := needs_person(each.drill, at.estate.runbooks)) is not None:
            found[each.drill.name] = f"{what}, and nobody is at a terminal"
    return found


class Ground:
    """Brings up what drills run on, and runs them there, one at a time."""

    def __init__(self, estate: Estate, state: Path, *, language: str) -> None:
        """``state`` is the checkout's state folder; ``language`` that of titles."""
        self._estate, self._state, self._language = estate, state, language
        self._progress = progress_for()

    def bring_up(self, environment: str) -> LabState:
        """Bring the lab up and take away what a killed drill has left there. Raises what ``lab.up`` does."""
        require_lab(environment, self._estate.cmdb.environments[environment].get("kind"))
        lab = lifecycle.up(self._estate.cmdb, environment=environment, root=self._estate.root, progress=self._progress)
        targets = {item: target_of(self._estate.cmdb, item, environment) for item in lab.hosts}
        hosts = Hosts(targets, lab_access())
        try:
            settle_unfinished(self._state, lab, hosts)
        finally:
            hosts.close()
        return lab

    def run(self, drill: Drill, lab: LabState) -> Ended:
        """Run a drill, write its record and show its result. Raises DrillbookError when it could not begin."""
        estate, root = self._estate, self._estate.root
        view = DrillView(self._state, language=self._language)
        stop = StopRequest(console.print)
        around = make_surroundings(root, lab_access(), listener=lambda _: None, stopping=stop, language=self._language)
        console.print(f"{drill.name}  {view.words(drill.title)}")
        setting = Setting(
            cmdb=estate.cmdb,
            around=around,
            lab=lab,
            plan_for=lambda call: plan_and_permit(
                estate, call.runbook, environment=drill.environment, parameters=call.parameters
            ),
            write=lambda result, journals: write_record(result, root=root, journals=journals),
            show=view,
            progress=self._progress,
        )
        with stop.installed():
            result, folder = run_drill(drill, setting)
        show_result(result, folder, language=self._language)
        remind(root)
        return Ended(
            result.verdict.exit_code,
            result.verdict.result,
            steady=all(check.held for check in result.steady_before),
            stopped=stop.requested,
        )


def mark_seen(state: Path) -> None:
    """Write down that drills ran at this time, so that a clock that is set back later is noticed."""
    # Without the records, which would take seconds: those in the future are noticed when something is scheduled.
    write_seen(state, look(read_seen(state), Archive((), ()), SystemClock().now()))


def parse_window(drills: int, length: str) -> Window:
    """Give the bounds of ``--max`` and ``--for``; 0 and nothing are no bound. Raises UsageError."""
    if drills < 0:
        raise UsageError(f"--max {drills}: it must be at least 1")
    if not length:
        return Window(drills or None, None)
    spaced = re.sub(r"^([0-9.]+)([a-z]+)$", r"\1 \2", length.strip())
    try:
        return Window(drills or None, seconds(spaced))
    except ValueError:
        raise UsageError(
            f"--for '{length[:40]}' is not a duration: a number, then s, min, h or d",
            remedy="such as --for 2h or --for 30min",
        ) from None
