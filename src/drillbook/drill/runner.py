"""Runs a drill: steady state, probes, faults, trigger, runbook, afterwards; then measures and writes down.

The order is the drill's meaning. Everything that can be prepared is prepared before the first fault:
the plan, the permission, the connections. The probes run from before the faults until after the return
to the steady state, so that whatever happened to users in between was seen.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from drillbook.artifacts.seal import seal
from drillbook.clock import run_id
from drillbook.drill.collecting import collect
from drillbook.drill.injection import Injection
from drillbook.drill.model import AtOnce, PersonDecides, ProbeDown
from drillbook.drill.observations import Observations
from drillbook.drill.probe import Probe, bind_probes, clean_up, measure_clock, prepare
from drillbook.drill.report import make_result, run_message
from drillbook.drill.rules import protection_of
from drillbook.errors import DrillbookError, ExitCode, StepFailed
from drillbook.evidence.result import MAIN, RunNote
from drillbook.evidence.timeline import promotions, step_times
from drillbook.evidence.verdict import SteadyCheck
from drillbook.evidence.wording import same
from drillbook.execution.launch import begin, connect
from drillbook.execution.state import state_from_records
from drillbook.facts.checks import Checks
from drillbook.hosts.connection import Hosts
from drillbook.journal.record import read_journal
from drillbook.journal.writer import Journal
from drillbook.lab.faults import heal_all
from drillbook.plan.targets import target_of
from drillbook.plan.values import Scope, bind_check
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from drillbook.change.gate import Permission
    from drillbook.cmdb.model import Cmdb
    from drillbook.drill.model import Drill, RunbookCall
    from drillbook.evidence.result import DrillResult
    from drillbook.execution.launch import Launch, Surroundings
    from drillbook.journal.record import Record
    from drillbook.lab.state import LabState
    from drillbook.plan.model import Plan
    from drillbook.progress import Progress

STEADY_SECONDS = 1.0
"""How long every write must be acknowledged before a service counts as steady."""
_STEADY_TIMEOUT = 15.0
_WATCH_REFUSED = 2.0  # seconds that a refused run is watched for a second primary
# How long probes may go on after the drill's own time: for what is run afterwards, and no longer when the
# engine is gone.
_PROBE_MARGIN = 900.0


class Show(Protocol):
    """What a person is shown while a drill goes on."""

    def say(self, text: str) -> None:
        """Show a line."""
        ...

    def run(self, plan: Plan, part: str) -> Callable[[Record], None]:
        """Give the listener that shows a run of a plan, as that part of the drill (before, main, afterwards)."""
        ...

    def words(self, text: Text) -> str:
        """Give a text in the person's language."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a drill needs of its surroundings.

    ``plan_for`` makes a plan and passes the gate. ``write`` writes the record of a result, given the journals of its
    runs, and gives the record's folder.
    """

    cmdb: Cmdb
    around: Surroundings
    lab: LabState
    plan_for: Callable[[RunbookCall], tuple[Plan, Permission]]
    write: Callable[[DrillResult, dict[str, Path]], Path]
    show: Show
    progress: Progress


def run_drill(drill: Drill, setting: Setting) -> tuple[DrillResult, Path]:
    """Run a drill from its steady state to its steady state. Give its result, and the folder of its record.

    Raises DrillbookError when it could not even begin (a run before it failed, a host does not answer);
    whatever happens later is part of the result. Faults are taken away in every case.
    """
    return _Drill(drill, setting).go()


class _Drill:
    def __init__(self, drill: Drill, setting: Setting) -> None:
        self.drill = drill
        self.setting = setting
        self.seen = Observations()
        self.clock = setting.around.clock
        self.started, self.began = self.clock.now(), self.clock.monotonic()
        self.id = run_id(self.clock)
        sources = {probe.source for probe in drill.probes}
        steady = {check.call.on for check in drill.steady_state}
        self.hosts = Hosts(
            {item: target_of(setting.cmdb, item, drill.environment) for item in sources | steady},
            setting.around.access,
        )
        self.probes: dict[str, Probe] = {}

    def go(self) -> tuple[DrillResult, Path]:
        drill, seen = self.drill, self.seen
        folder = self.setting.around.state / "drills" / self.id
        folder.mkdir(mode=0o700, parents=True)
        with ExitStack() as stack:
            journal = Journal.create(folder / "journal.jsonl", self.clock)
            stack.callback(journal.close)
            # The checks of the steady state, before and after, are one sealed copy.
            sealed = seal(self.setting.around.root, folder / "artifacts")
            self.checks = Checks(sealed, self.hosts)
            journal.append("drill.opened", drill=drill.name, digest=drill.digest, id=self.id, artifacts=sealed.digest)
            stack.callback(self.hosts.close)
            stack.callback(heal_all, self.setting.lab)
            try:
                for call in drill.before:
                    self._run(call, "before")
                with self.setting.progress.phase("steady state, before"):
                    seen.steady_before = self._steady_checks()
            except DrillbookError as error:
                journal.append("drill.abandoned", reason=error.message)
                raise
            if all(check.held for check in seen.steady_before):
                stack.callback(self._clean_up)
                self._rehearse(journal)
                with self.setting.progress.phase("steady state, after"):
                    seen.steady_after = self._steady_checks()
                self._collect()
            result = make_result(
                drill,
                self.setting.cmdb,
                seen,
                started=self.started,
                ended=self.clock.now(),
                elapsed=self.clock.monotonic() - self.began,
            )
            journal.append("drill.judged", result=str(result.verdict.result))
            record = self.setting.write(result, seen.journals)
            journal.append("drill.closed", record=record.name)
        return result, record

    # --- the rehearsal itself --------------------------------------------------------------------

    def _rehearse(self, journal: Journal) -> None:
        drill, seen = self.drill, self.seen
        plan, permission = self.setting.plan_for(drill.call)
        around = replace(self.setting.around, listener=self.setting.show.run(plan, MAIN))
        show = self.setting.show
        faults = Injection(
            drill.faults, lab=self.setting.lab, seen=seen, say=lambda text: show.say(f"  ⚡ {show.words(text)}")
        )
        hosts = connect(plan, around)
        try:
            with self.setting.progress.phase("probes, until every write is acknowledged"):
                if not self._start_probes():
                    return
            journal.append("drill.steady")
            faults.start(journal)
            try:
                self._wait_for_trigger()
                journal.append("drill.trigger", words=seen.trigger_words.en, triggered=seen.triggered)
                show.say(f"  ⏱ {show.words(seen.said_of_trigger())}")
                if seen.triggered:
                    launch = begin(plan, permission, hosts, around, purpose=f"drill {drill.name}")
                    self._execute(launch, MAIN)
                with self.setting.progress.phase("service, until it is steady again"):
                    self._watch_recovery()
            finally:
                faults.wait()
        except DrillbookError as error:
            seen.trouble.append(
                Text(f"the drill could not be run to its end: {error.message}", f"演练未能进行到底：{error.message}")
            )
        finally:
            hosts.close()
            seen.recovered = seen.recovered or time.monotonic_ns()
            faults.heal(journal)
        if seen.main is not None:
            self._return()

    def _start_probes(self) -> bool:
        for source in sorted({probe.source for probe in self.drill.probes}):
            prepare(self.hosts[source], self.id)
            self.seen.clocks[source] = measure_clock(self.hosts[source])
        for bound in bind_probes(self.drill, self.setting.cmdb):
            probe = Probe(
                self.hosts[bound.spec.source], bound, run=self.id, duration=self.drill.timeout + _PROBE_MARGIN
            )
            self.probes[bound.spec.id] = probe
            probe.start()
        users = self.probes[self.drill.users.id].wait_steady(STEADY_SECONDS, timeout=_STEADY_TIMEOUT)
        self.seen.steady = self.seen.recovered = self.seen.end = time.monotonic_ns()
        if users.event != "steady":
            self.seen.trouble.append(
                Text(f"the users' writes did not become steady: {users.event}", f"用户写入未能稳定：{users.event}")
            )
        return users.event == "steady"

    def _wait_for_trigger(self) -> None:
        drill, seen = self.drill, self.seen
        match drill.trigger:
            case AtOnce():
                seen.triggered, seen.trigger_words = True, Text("planned, at once", "计划内操作，立即执行")
            case ProbeDown(probe=name, seconds=seconds):
                saw = self.probes[name].wait_down(seconds, timeout=drill.timeout)
                seen.triggered = saw.event == "down"
                seen.trigger_words = Text(
                    f"the probe '{name}' had no acknowledged write for {seconds:g} s",
                    f"探针“{name}”连续 {seconds:g} 秒没有写入得到确认",
                )
            case PersonDecides(instruction=instruction):
                name, done = self.setting.around.person.confirm(self.setting.show.words(instruction))
                seen.triggered, seen.trigger_words = done, Text(f"{name} decided", f"由 {name} 决定")
        seen.trigger = time.monotonic_ns() if seen.triggered else None

    def _watch_recovery(self) -> None:
        """Watch until users are served again, or until the drill's time is over."""
        seen, drill = self.seen, self.drill
        if drill.expectation.refused is not None:
            time.sleep(_WATCH_REFUSED)
        elif seen.triggered and not self.setting.around.stopping():
            left = drill.timeout - (time.monotonic() - (seen.trigger or seen.steady) / 1e9)
            self.probes[drill.users.id].wait_steady(STEADY_SECONDS, timeout=max(2.0, left))
        seen.recovered = time.monotonic_ns()

    def _return(self) -> None:
        """Run what brings the steady state back."""
        for call in self.drill.afterwards:
            try:
                code = self._run(call, "afterwards")
            except DrillbookError as error:
                self.seen.afterwards.append((call.runbook, error.exit_code))
                self.setting.show.say(f"  ✗ {call.runbook}: {error.message}")
                return
            self.seen.afterwards.append((call.runbook, code))
            if code is not ExitCode.OK:
                return

    # --- parts -----------------------------------------------------------------------------------

    def _run(self, call: RunbookCall, part: str) -> ExitCode:
        plan, permission = self.setting.plan_for(call)
        around = replace(self.setting.around, listener=self.setting.show.run(plan, part))
        hosts = connect(plan, around)
        try:
            launch = begin(plan, permission, hosts, around, purpose=f"drill {self.drill.name}, {part}")
            code = self._execute(launch, part)
        finally:
            hosts.close()
        if part == "before" and code is not ExitCode.OK:
            raise StepFailed(f"{call.runbook}, run before the drill, did not succeed: {self.seen.runs[-1].message.en}")
        return code

    def _execute(self, launch: Launch, part: str) -> ExitCode:
        try:
            outcome = launch.engine.run()
            if part == MAIN and self.drill.expectation.refused is not None:
                # It did what it should, and nobody will go on with it: its locks are free again.
                launch.engine.abandon()
        finally:
            launch.close()
        records = read_journal(launch.folder.journal)
        self.seen.journals[launch.folder.id] = launch.folder.journal
        self.seen.promotions += promotions(launch.plan, records)
        self.seen.states[launch.folder.id] = state_from_records(records)
        message = run_message(launch.plan, outcome)
        if part == MAIN:
            self.seen.main, self.seen.main_message = outcome.exit_code, message
        self.seen.runs.append(
            RunNote(
                part=part,
                run=launch.folder.id,
                plan=launch.plan,
                result=outcome.result,
                exit_code=int(outcome.exit_code),
                message=message,
                steps=tuple(step_times(launch.plan, records)),
            )
        )
        return outcome.exit_code

    def _steady_checks(self) -> list[SteadyCheck]:
        """Run every check of the steady state; one that fails is tried again for a while: lag settles."""
        protection = protection_of(self.drill, self.setting.cmdb)
        scope = Scope(
            cmdb=self.setting.cmdb,
            environment=self.drill.environment,
            protection=protection.id if protection else None,
            parameters=dict(self.drill.call.parameters),
            roles={},
        )
        found = []
        for check in self.drill.steady_state:
            bound = bind_check(check.call, scope)
            deadline = time.monotonic() + 3.0
            while not (fact := self.checks.run(bound)).held and time.monotonic() < deadline:
                time.sleep(0.2)
            found.append(SteadyCheck(check.text, fact.held, same(fact.detail)))
        return found

    def _collect(self) -> None:
        if not self.probes:
            return
        with self.setting.progress.phase("samples and rows, brought home"):
            collect(
                self.seen,
                self.probes,
                drill=self.drill,
                cmdb=self.setting.cmdb,
                host=self.hosts[self.drill.users.source],
                root=self.setting.around.root,
                run=self.id,
            )

    def _clean_up(self) -> None:
        for source in sorted({probe.source for probe in self.drill.probes}):
            try:
                clean_up(self.hosts[source], self.id)
            except DrillbookError:
                continue  # they end by themselves
