"""Puts together what drills need: the estate's drills and records, and the ground that one drill runs on."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.change.gate.gate import require_lab
from drillbook.change.records.window import day_of, frozen
from drillbook.clock import SystemClock
from drillbook.cmdb.durations import seconds
from drillbook.cmdb.load import load
from drillbook.console.drill_view import DrillView, show_result
from drillbook.console.output import console, errors, say_findings
from drillbook.console.progress import progress_for
from drillbook.console.schedule_view import frozen_words
from drillbook.drill.about import protection_of
from drillbook.drill.load import read_drills
from drillbook.drill.runner import run_drill
from drillbook.drill.setting import Setting
from drillbook.errors import ExitCode, InvalidInput, UsageError
from drillbook.evidence.archive import Archive, read_archive
from drillbook.evidence.record import write_record
from drillbook.execution.stop import StopRequest
from drillbook.hosts.connection import Hosts
from drillbook.lab import lifecycle
from drillbook.lab.access import lab_access
from drillbook.plan.targets import target_of
from drillbook.runbook.load import load_sound
from drillbook.schedule.attended import needs_person
from drillbook.schedule.due import schedule
from drillbook.schedule.policy import policy_of
from drillbook.schedule.seen import look, read_seen, write_seen
from drillbook.schedule.series import Ended, Window
from drillbook.tasks.drill_checks import findings_of, settle_unfinished
from drillbook.tasks.running import remind
from drillbook.tasks.wiring import Estate, make_surroundings, plan_and_permit
from drillbook.text import visible
from drillbook.zone import local_zone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import tzinfo

    from drillbook.console.schedule_words import ScheduleWords
    from drillbook.drill.model import Drill
    from drillbook.errors import Finding
    from drillbook.lab.state import LabState
    from drillbook.schedule.due import Schedule, Standing
    from drillbook.schedule.policy import Policy
    from drillbook.schedule.seen import Seen


@dataclass(frozen=True, slots=True)
class Now:
    """How an estate's drills stand at this moment. ``seen`` is what is to be written down when something runs.

    ``wrong``: by the name of each drill that is left out, what is wrong with it or with a runbook that it needs.
    """

    estate: Estate
    policy: Policy
    schedule: Schedule
    seen: Seen
    zone: tzinfo
    wrong: Mapping[str, tuple[Finding, ...]]


def sound_estate(root: Path) -> tuple[Estate, Mapping[str, tuple[Finding, ...]]]:
    """Load the CMDB and the runbooks that are right; give by id what is wrong with the others."""
    runbooks, wrong = load_sound(root)
    return Estate(root, load(root), runbooks), wrong


def wrong_with(drill: Drill, estate: Estate, runbooks: Mapping[str, tuple[Finding, ...]]) -> tuple[Finding, ...]:
    """Give what is wrong with a drill, or with the runbooks that it needs; ``runbooks`` are those that are wrong."""
    needed = {call.runbook for call in (drill.call, *drill.before, *drill.afterwards)}
    theirs = dict.fromkeys(each for id_ in sorted(needed & runbooks.keys()) for each in runbooks[id_])
    return tuple(theirs) or tuple(findings_of(drill, estate))


def look_at(root: Path) -> Now:
    """Load the estate, its drills and its records, and hold them against policy.

    A drill that is wrong is left out, and told of. Raises InvalidInput with the findings of all drills when none is
    right.
    """
    estate, runbooks = sound_estate(root)
    readable, unreadable = read_drills(root)
    wrong: dict[str, tuple[Finding, ...]] = {}
    for finding in unreadable:
        name = Path(finding.file).stem
        wrong[name] = (*wrong.get(name, ()), finding)
    wrong |= {drill.name: told for drill in readable if (told := wrong_with(drill, estate, runbooks))}
    drills = [drill for drill in readable if drill.name not in wrong]
    if wrong and not drills:
        raise InvalidInput(_each_once(wrong))
    policy = policy_of(estate.cmdb)
    pairs = {drill.name: pair.id for drill in drills if (pair := protection_of(drill, estate.cmdb)) is not None}
    archive = read_archive(root)
    # After the records were read: one that was being written meanwhile is not in the future.
    now = SystemClock().now()
    seen = look(read_seen(root / ".drillbook"), archive, now)
    others = [drill for drill in readable if drill.name in wrong]
    found = schedule(policy, drills, archive, pairs=pairs, now=now, seen=seen, others=others)
    return Now(estate, policy, found, seen, local_zone(), wrong)


def tell_wrong(at: Now, words: ScheduleWords) -> ExitCode:
    """Say which drills were left out, and what is wrong; give the exit code that stands for it, OK for none."""
    if not at.wrong:
        return ExitCode.OK
    say_findings(_each_once(at.wrong))
    names = visible(", ".join(sorted(at.wrong)), limit=2000)
    errors.print(f"✗ {words('left_out', count=str(len(at.wrong)), names=names)}")
    return ExitCode.INVALID


def schedule_after(root: Path) -> Schedule | None:
    """Give how drills stand once some were run; None, and tell why, when that can no longer be read."""
    try:
        return look_at(root).schedule
    except InvalidInput as error:  # somebody was editing meanwhile; what ran is to be told all the same
        say_findings(error.findings)
        return None


def _each_once(wrong: Mapping[str, tuple[Finding, ...]]) -> list[Finding]:
    """Give all findings: what is wrong with a runbook is found by each drill that needs it."""
    return list(dict.fromkeys(each for found in wrong.values() for each in found))


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
