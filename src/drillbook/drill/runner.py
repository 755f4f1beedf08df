"""Runs a drill: steady state, probes, faults, trigger, runbook, afterwards; then measures and writes down.

The order is the drill's meaning. Everything that can be prepared is prepared before the first fault:
the plan, the permission, the connections. The probes run from before the faults until after the return
to the steady state, so that whatever happened to users in between was seen.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.artifacts.seal import seal
from drillbook.clock import run_id
from drillbook.drill.binding import bind_probes
from drillbook.drill.collecting import collect
from drillbook.drill.host_clock import measure_clock
from drillbook.drill.injection import Injection
from drillbook.drill.model import AtOnce, PersonDecides, ProbeDown
from drillbook.drill.observations import Observations
from drillbook.drill.probe import Probe, clean_up, prepare
from drillbook.drill.report import make_result
from drillbook.drill.runs import Runs
from drillbook.drill.steady import steady_checks
from drillbook.errors import DrillbookError, ExitCode
from drillbook.evidence.result import MAIN
from drillbook.execution.launch import begin, connect
from drillbook.facts.checks import Checks
from drillbook.hosts.connection import Hosts
from drillbook.journal.writer import Journal
from drillbook.lab.faults import heal_all
from drillbook.plan.targets import target_of
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.drill.model import Drill
    from drillbook.drill.setting import Setting
    from drillbook.evidence.result import DrillResult

STEADY_SECONDS = 1.0
"""How long every attempt must be acknowledged before a service counts as steady."""
_STEADY_TIMEOUT = 15.0
_WATCH_REFUSED = 2.0  # seconds that a refused run is watched for a second primary
# How long probes may go on after the drill's own time: for what is run afterwards, and no longer when the
# engine is gone.
_PROBE_MARGIN = 900.0


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
        self.runs = Runs(drill, setting, self.seen)
        self.clock = setting.around.clock
        self.started, self.began = self.clock.now(), self.clock.monotonic()
        self.id = run_id(self.clock)
        self.bound = bind_probes(drill, setting.cmdb)
        self.sources = sorted({probe.source for probe in drill.probes})
        steady = {check.call.on for check in drill.steady_state}
        self.hosts = Hosts(
            {item: target_of(setting.cmdb, item, drill.environment) for item in {*self.sources, *steady}},
            setting.around.access,
        )
        self.probes: dict[str, Probe] = {}

    def go(self) -> tuple[DrillResult, Path]:
        drill, seen, cmdb = self.drill, self.seen, self.setting.cmdb
        folder = self.setting.around.state / "drills" / self.id
        folder.mkdir(mode=0o700, parents=True)
        with ExitStack() as stack:
            journal = Journal.create(folder / "journal.jsonl", self.clock)
            stack.callback(journal.close)
            # The checks of the steady state, before and after, are one sealed copy.
            sealed = seal(self.setting.around.root, folder / "artifacts")
            checks = Checks(sealed, self.hosts)
            journal.append("drill.opened", drill=drill.name, digest=drill.digest, id=self.id, artifacts=sealed.digest)
            stack.callback(self.hosts.close)
            stack.callback(heal_all, self.setting.lab)
            try:
                for call in drill.before:
                    self.runs.run(call, "before")
                with self.setting.progress.phase("steady state, before"):
                    seen.steady_before = steady_checks(drill, cmdb, checks)
            except DrillbookError as error:
                journal.append("drill.abandoned", reason=error.message)
                raise
            if all(check.held for check in seen.steady_before):
                stack.callback(self._clean_up)
                self._rehearse(journal)
                with self.setting.progress.phase("steady state, after"):
                    seen.steady_after = steady_checks(drill, cmdb, checks)
                self._collect()
            result = make_result(
                drill,
                cmdb,
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
        drill, seen, show = self.drill, self.seen, self.setting.show
        plan, permission = self.setting.plan_for(drill.call)
        around = replace(self.setting.around, listener=show.run(plan, MAIN))
        faults = Injection(
            drill.faults,
            lab=self.setting.lab,
            cmdb=self.setting.cmdb,
            seen=seen,
            say=lambda text: show.say(f"  ⚡ {show.words(text)}"),
        )
        hosts = connect(plan, around)
        try:
            with self.setting.progress.phase("probes, until every attempt is acknowledged"):
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
                    self.runs.execute(launch, MAIN)
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
        for source in self.sources:
            kinds = {bound.kind.name: bound.kind for bound in self.bound if bound.spec.source == source}
            prepare(self.hosts[source], self.id, kinds.values())
            self.seen.clocks[source] = measure_clock(self.hosts[source])
        duration = self.drill.timeout + _PROBE_MARGIN
        for bound in self.bound:
            probe = Probe(self.hosts[bound.spec.source], bound, run=self.id, duration=duration)
            self.probes[bound.spec.id] = probe
            probe.start()
        steady = True
        for service in self.drill.services:
            users = self.drill.users_of(service).id
            event = self.probes[users].wait_steady(STEADY_SECONDS, timeout=_STEADY_TIMEOUT).event
            if event != "steady":
                steady = False
                self.seen.trouble.append(
                    Text(
                        f"the users of {service.service} are not served steadily ('{users}'): {event}",
                        f"{service.service} 的用户服务未能稳定（探针“{users}”）：{event}",
                    )
                )
        self.seen.steady = self.seen.recovered = self.seen.end = time.monotonic_ns()
        return steady

    def _wait_for_trigger(self) -> None:
        drill, seen = self.drill, self.seen
        match drill.trigger:
            case AtOnce():
                seen.triggered, seen.trigger_words = True, Text("planned, at once", "计划内操作，立即执行")
            case ProbeDown(probe=name, seconds=seconds):
                saw = self.probes[name].wait_down(seconds, timeout=drill.timeout)
                seen.triggered = saw.event == "down"
                seen.trigger_words = Text(
                    f"the probe '{name}' was not served for {seconds:g} s",
                    f"探针“{name}”连续 {seconds:g} 秒未得到服务",
                )
            case PersonDecides(instruction=instruction):
                name, done = self.setting.around.person.confirm(self.setting.show.words(instruction))
                seen.triggered, seen.trigger_words = done, Text(f"{name} decided", f"由 {name} 决定")
        seen.trigger = time.monotonic_ns() if seen.triggered else None

    def _watch_recovery(self) -> None:
        """Watch until the users of every service that comes back are served, or until the drill's time is over."""
        seen, drill = self.seen, self.drill
        if drill.expectation.refused is not None:
            time.sleep(_WATCH_REFUSED)
        elif seen.triggered and not self.setting.around.stopping():
            end = (seen.trigger or seen.steady) / 1e9 + drill.timeout
            for service in drill.services:
                if service.not_back is None:
                    left = max(2.0, end - time.monotonic())
                    self.probes[drill.users_of(service).id].wait_steady(STEADY_SECONDS, timeout=left)
        seen.recovered = time.monotonic_ns()

    def _return(self) -> None:
        """Run what brings the steady state back."""
        for call in self.drill.afterwards:
            try:
                code = self.runs.run(call, "afterwards")
            except DrillbookError as error:
                self.seen.afterwards.append((call.runbook, error.exit_code))
                self.setting.show.say(f"  ✗ {call.runbook}: {error.message}")
                return
            self.seen.afterwards.append((call.runbook, code))
            if code is not ExitCode.OK:
                return

    # --- parts -----------------------------------------------------------------------------------

    def _collect(self) -> None:
        if not self.probes:
            return
        with self.setting.progress.phase("samples and rows, brought home"):
            collect(
                self.seen,
                self.probes,
                drill=self.drill,
                hosts=self.hosts,
                root=self.setting.around.root,
                run=self.id,
            )

    def _clean_up(self) -> None:
        for source in self.sources:
            try:
                clean_up(self.hosts[source], self.id)
            except DrillbookError:
                continue  # they end by themselves
