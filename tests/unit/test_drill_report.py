"""From what a drill collected to its result: what is said of it in words, and how real it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from drillbook.cmdb.model import Entry, Section
from drillbook.drill.model import DrillKind
from drillbook.drill.observations import Observations
from drillbook.drill.report import make_result, run_message
from drillbook.errors import ExitCode
from drillbook.evidence.fidelity import How, step_fidelity
from drillbook.evidence.wording import meaning, same
from drillbook.execution.engine import Outcome
from drillbook.plan.model import PlannedPart, PowerRun
from tests import drill_values
from tests.evidence_values import observed, plan, result, state

AT = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)


def cmdb(**power):
    """The CMDB of drills, in which db-1 has this power control, by environment."""
    made = drill_values.cmdb()
    items = {id_: made.config_items[id_] for id_ in made.config_items.ids()}
    old = items["db-1"]
    items["db-1"] = Entry(old.section, old.id, {**old.fields, "power": power}, old.file, old.line)
    return replace(made, config_items=Section("config_items", items))


def collected(*, run=True, **changes):
    """What a drill that went well collected; without its run when ``run`` is False."""
    good = observed()
    found = Observations(
        steady_before=list(good.steady_before),
        faults=list(good.faults),
        runs=list(result(good).runs) if run else [],
        states={"run-1": state("fence", "promote")},
        series=list(good.series),
        rows={} if good.rows is None else {"core": good.rows},
        triggered=True,
        steady=good.timeline.steady,
        struck=good.timeline.fault,
    )
    for name, value in changes.items():
        setattr(found, name, value)
    return found


def made(tmp_path, seen, *, estate=None, **changes):
    drill = replace(drill_values.loaded(tmp_path, drill_values.drill()), **changes)
    estate = estate or cmdb(lab={"kind": "lab"}, production={"kind": "ipmi"})
    seen.runs = [replace(run, part="afterwards") for run in seen.runs]  # the journal of main would be read
    return make_result(drill, estate, seen, started=AT, ended=AT, elapsed=1.5)


def test_the_stand_ins_are_those_of_the_lab_and_of_the_environment(tmp_path):
    found = made(tmp_path, collected())
    assert any("containers on one machine" in each.en for each in found.fidelity.stubbed)
    assert [(each.step, each.how) for each in found.fidelity.steps] == [
        ("fence", How.STUBBED), ("promote", How.REAL), ("take-address", How.SKIPPED),
    ]  # fmt: skip
    assert found.fidelity.steps[0].why.en.endswith("stood in for IPMI, which db-1 has in production")
    assert "db-1 loses power: no process is left" in [each.en for each in found.fidelity.real]
    assert found.elapsed == 1.5


def test_an_environment_that_is_no_lab_has_none_of_its_stand_ins(tmp_path):
    estate = cmdb(production={"kind": "redfish"})
    found = made(tmp_path, collected(), estate=estate, environment="production")
    assert found.fidelity.stubbed == ()
    assert not any("init system" in each.en for each in found.fidelity.real)


def test_runbooks_that_were_not_run_are_named(tmp_path):
    full = made(tmp_path, collected(run=False))
    assert [each.en for each in full.fidelity.skipped] == [
        "no person was called, and no user of the service took part",
        "RB-FAILBACK was not run: the drill ended before it",
        "RB-FAILOVER was not run: the drill ended before it",
        "RB-FAILBACK was not run: the drill ended before it",
    ]
    one = made(tmp_path, collected(run=False), before=(), afterwards=(), kind=DrillKind.FULL_SCALE)
    assert [each.en for each in one.fidelity.skipped] == ["RB-FAILOVER was not run: the drill ended before it"]


@pytest.mark.parametrize(
    ("production", "how", "says"),
    [
        ({"db-1": "redfish"}, How.STUBBED, "stood in for Redfish, which db-1 has in production"),
        ({"db-1": None}, How.STUBBED, "which one db-1 has in production is not on record"),
        ({}, How.STUBBED, "is not on record"),
        ({"db-1": "lab"}, How.REAL, ""),
    ],
)
def test_power_control_is_real_only_where_production_has_the_same(production, how, says):
    (fence, *_) = step_fidelity("r", plan(), state("fence"), production=production)
    assert fence.how is how
    assert says in (fence.why.en if fence.why else "")
    on = replace(plan(), steps=(replace(plan().steps[0], action=PowerRun("db-1", "on")),))
    assert step_fidelity("r", on, state("fence"), production=production)[0].how is how


def test_a_run_that_ended_before_its_first_step_did_none_of_them():
    found = step_fidelity("r", plan(), state(), production={})
    assert {each.how for each in found} == {How.SKIPPED}
    assert {each.why.en for each in found} == {"not reached: the run ended before its first step"}


def test_why_a_run_stopped_is_said_in_chinese_with_its_place_and_the_engines_own_words():
    said = run_message(plan(), Outcome("failed", ExitCode.NOT_FENCED, "power control fails", "", "fence"))
    assert said.en == "power control fails"
    assert said.zh == f"停于步骤“关闭 db-1”：{meaning(ExitCode.NOT_FENCED).zh}（原文：power control fails）"
    nowhere = run_message(plan(), Outcome("failed", ExitCode.LOCKED, "held", "", None))
    assert nowhere.zh == f"{meaning(ExitCode.LOCKED).zh}（原文：held）"
    each = PlannedPart("fence", same("a"), "RB-A", (), None, (), (), ())
    parts = replace(plan(), parts=(each, replace(each, id="promote")))
    partial = run_message(parts, Outcome("partial", ExitCode.PARTIAL, "not done: fence: no; promote: no", "", "fence"))
    assert partial.zh == f"{meaning(ExitCode.PARTIAL).zh}（原文：not done: fence: no; promote: no）"
    stopped = run_message(parts, Outcome("stopped", ExitCode.STOPPED, "stopped before step fence", "", "fence"))
    assert stopped.zh.startswith("停于步骤“关闭 db-1”：")
    good = run_message(plan(), Outcome("succeeded", ExitCode.OK, "", "", None))
    assert (good.en, good.zh) == ("", "")
