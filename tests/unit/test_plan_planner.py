"""The planner: what it binds, what it refuses, and that the same input gives the same bytes."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.canonical import canonical_json
from drillbook.errors import DrillbookError, Refused, UsageError
from drillbook.plan.model import CheckRun, Command, FenceRun, Plan, PowerRun, WaitRun
from drillbook.plan.planner import make_plan
from drillbook.plan.reading import plan_from_json
from drillbook.runbook.build import runbook_from
from drillbook.source import parse_yaml
from tests.runbook_estate import (
    as_yaml,
    check,
    cmdb_of,
    estate,
    failback,
    failover,
    switchover,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from drillbook.runbook.model import Runbook

ROOT = Path(__file__).parents[2]


def built(book: dict[str, Any]) -> Runbook:
    """Build a runbook without its rules: the planner must refuse by itself."""
    return runbook_from(parse_yaml(as_yaml(book), shown_as="x.yaml"), f"runbooks/{book['runbook']}.yaml")


def plan(
    *books: dict[str, Any],
    sections: dict[str, Any] | None = None,
    environment: str = "lab",
    **parameters: str,
) -> Plan:
    runbooks = {book["runbook"]: built(book) for book in books}
    return make_plan(
        cmdb=cmdb_of(sections or estate()),
        runbook=next(iter(runbooks.values())),
        runbooks=runbooks,
        environment=environment,
        parameters={"pair": "pair"} | parameters,
        artifacts_digest="sha256:a",
        engine="0.1",
    )


def test_a_failover() -> None:
    made = plan(failover())
    assert dict(made.parameters) == {"pair": "pair", "primary": "db-1"}
    assert dict(made.roles) == {"primary": "db-1", "standby": "db-2", "observer": "watch-1"}
    assert made.reachable == ("db-2", "watch-1")
    assert made.locks == ("db-2",)
    assert made.services == ("core", "front", "report")
    assert list(made.targets) == ["db-1", "db-2", "watch-1"]
    fence, promote, _, wait, tell = made.steps
    assert fence.action == FenceRun("db-1", ("db-2", "watch-1"), (5432, 22))
    assert fence.by_hand[0].do == "switch db-1 off"
    assert isinstance(promote.action, Command)
    assert promote.item == "db-2"
    assert isinstance(wait.action, WaitRun)
    assert (wait.item, wait.action.interval) == ("db-2", 0.05)
    assert tell.item is None
    assert set(made.cmdb_slice["protections"]) == {"pair"}
    assert set(made.cmdb_slice["config_items"]) == {"db-1", "db-2", "watch-1"}
    assert set(made.cmdb_slice["services"]) == {"core", "front", "report"}


def test_the_other_member_can_be_primary() -> None:
    made = plan(failover(), primary="db-2")
    assert dict(made.roles) == {"primary": "db-2", "standby": "db-1", "observer": "watch-1"}


def test_a_rehearsal_uses_the_labs_hosts() -> None:
    made = plan(failover(), environment="rehearsal")
    assert made.targets["db-1"].address == "10.0.0.1"
    assert made.targets["db-1"].power.kind == "lab"
    assert set(made.cmdb_slice["environments"]) == {"lab", "rehearsal"}


def test_a_called_runbooks_steps_stand_in_its_place() -> None:
    made = plan(failback(), switchover())
    assert [step.id for step in made.steps] == [
        "power", "rebuild", "switch/assumption-1", "switch/stop", "switch/promote", "switch/address",
        "switch/look", "switch/tell",
    ]  # fmt: skip
    assert made.steps[0].action == PowerRun("db-1", "on")
    assumption = made.steps[2]
    assert isinstance(assumption.action, CheckRun)
    assert (assumption.action.item, assumption.timeout) == ("db-1", 10.0)  # db-1 is the standby there
    assert made.steps[3].item == "db-2"
    # db-1 is off at the start: it is logged in to later, and cannot be reached or locked before.
    assert made.reachable == ("db-2", "watch-1")[:1]
    assert made.locks == ("db-2",)


def test_a_plan_is_json_and_back() -> None:
    made = plan(failback(), switchover())
    assert plan_from_json(json.loads(canonical_json(made.to_json()))) == made


def spoil(base: Callable[[], dict[str, Any]], *path: str | int, value: Any = None) -> dict[str, Any]:
    book = base()
    node: Any = book
    for part in path[:-1]:
        node = node[part]
    if value is None:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return book


def inserted(base: Callable[[], dict[str, Any]], at: int, **fields: Any) -> dict[str, Any]:
    book = base()
    step = {
        "id": "between", "title": text(), "verb": "ensure", "undo": "nothing", "timeout": "1 s", "repeat": "safe",
        "by_hand": [{"do": "look", "see": text()}],
    } | fields  # fmt: skip
    book["steps"].insert(at, step)
    return book


ARGV = {"argv": ["systemctl", "start", "x"]}

REFUSED: list[tuple[str, Callable[[], tuple[dict[str, Any], ...]]]] = [
    ("promotes db-2 while nothing proves that db-1", lambda: (spoil(failover, "steps", 0),)),
    (
        "promotes db-2 while nothing proves that db-1",
        lambda: (inserted(failover, 1, on="primary", power="on"),),
    ),
    (
        "promotes db-2 while nothing proves that db-1",
        lambda: (inserted(switchover, 1, on="primary", verb="start", run=ARGV),),
    ),
    (
        "promotes db-2 while nothing proves that db-1",
        lambda: (spoil(switchover, "steps", 0, "verify"),),
    ),
    (
        "promotes db-2 while nothing proves that db-1",
        lambda: (spoil(switchover, "steps", 0, "verify", value=[check("stopped", "standby", unit="x")]),),
    ),
    ("while db-1 is only told to stop", lambda: (spoil(switchover, "kind", value="promotion"),)),
    (
        "while db-2 is only told to stop",
        lambda: (spoil(failback, "kind", value="failover"), switchover()),
    ),
    (
        "while db-2 is only told to stop",
        lambda: (failback(), spoil(switchover, "kind", value="maintenance")),
    ),
    # The words of a promotion in a bound command, its verb notwithstanding: in the text or through a value.
    (
        "step between says 'pg_promote', which promotes",
        lambda: (
            inserted(failover, 0, on="standby", run={"sql": "select pg_promote()", "database": "postgres"}),
        ),
    ),
    (
        "says 'promote', which promotes",
        lambda: (
            inserted(
                failover, 0, on="standby", run={"argv": ["pg_ctlcluster", "15", "core", "{standby.baseline}"]}
            ),
        ),
    ),
    (
        "says 'promote', which promotes",
        lambda: (
            inserted(
                failover,
                0,
                on="standby",
                playbook={"file": "rejoin.yml", "variables": {"do": ["{standby.baseline}"]}},
            ),
        ),
    ),
    (
        "the undo of step address says 'promote'",
        lambda: (
            spoil(
                failover, "steps", 2, "undo", value={"run": {"argv": ["pg_ctlcluster", "{standby.baseline}"]}}
            ),
        ),
    ),
    (
        "says 'poweroff', which switches",
        lambda: (inserted(failover, 0, on="standby", run={"argv": ["poweroff"]}),),
    ),
    (
        "promotes, and does not say on which host",
        lambda: (inserted(failover, 0, verb="promote", manual=text()),),
    ),
    (
        "does not look at port 5432",
        lambda: (spoil(failover, "steps", 0, "fence", "silent_ports", value=[9]),),
    ),
    (
        "without a witness that is another host",
        lambda: (spoil(failover, "steps", 0, "fence", "witnesses", value=["standby", "primary"]),),
    ),
    (
        "every witness may be off",
        lambda: (spoil(failover, "steps", 0, "fence", "witnesses", value=["primary"]),),
    ),
    (
        "is in no protection",
        lambda: (
            inserted(failover, 0, verb="promote", on="observer", run=ARGV, verify=[check(on="observer", port=1)]),
        ),
    ),
    ("logs in to db-1, which may be off", lambda: (spoil(failover, "steps", 2, "on", value="primary"),)),
    (
        "logs in to db-1, which may be off",
        lambda: (
            inserted(
                failback, 2, on="primary", verb="fence", fence={"witnesses": ["standby"], "silent_ports": [5432]},
                verify=[check("stopped", "primary", unit="x")],
            ),
            switchover(),
        ),
    ),
    ("'observer' of RB-FAILOVER are both db-2", lambda: (spoil(failover, "roles", "observer", "item", value="db-2"),)),
    ("calls itself", lambda: (spoil(failback, "steps", 2, "runbook", "id", value="RB-FAILBACK"),)),
    (
        "needs itself",
        lambda: (spoil(failover, "parameters", "primary", "default", value="{primary.id}"),),
    ),
    (
        "'primary' is watch-1, which is no member of the protection pair",
        lambda: (spoil(failover, "parameters", "primary", "default", value="watch-1"),),
    ),
    ("step address: {protection.settings.nothing} names nothing", lambda: (
        spoil(failover, "steps", 2, "run", "values", value=["{protection.settings.nothing}", "x"]),)),
]  # fmt: skip


@pytest.mark.parametrize(("words", "books"), REFUSED, ids=[f"{n}-{each[0][:30]}" for n, each in enumerate(REFUSED)])
def test_what_could_harm_is_refused(words: str, books: Callable[[], tuple[dict[str, Any], ...]]) -> None:
    sections = estate()
    sections["config_items"]["db-2"]["baseline"] = "promote"
    with pytest.raises(Refused) as refused:
        plan(*books(), sections=sections)
    assert words in str(refused.value)


def test_another_protection_as_parameter_does_not_change_who_is_fenced() -> None:
    """db-2 is also a member of 'spare'; that pair's other member is fenced, and db-1 goes on writing."""
    book = failover()
    book["roles"]["primary"]["item"] = "spare-1"
    book["steps"][0]["fence"]["silent_ports"] = [25]
    with pytest.raises(Refused, match="nothing proves that db-1 cannot act"):
        plan(book, pair="spare")


def test_a_called_runbook_cannot_be_given_other_roles() -> None:
    """The caller fences nothing; the called one is handed the pair the wrong way round."""
    inner = switchover()
    outer = failback()
    outer["steps"] = [outer["steps"][2]]
    outer["steps"][0]["runbook"]["parameters"]["primary"] = "{primary.id}"
    with pytest.raises(Refused, match="logs in to db-1, which may be off"):
        plan(outer, inner)


def test_no_power_control_means_no_fence() -> None:
    sections = estate()
    sections["config_items"]["db-1"]["power"] = {}
    with pytest.raises(Refused, match="no power control in this environment"):
        plan(failover(), sections=sections)


@pytest.mark.parametrize(
    ("parameters", "words", "remedy"),
    [
        ({"pair": "core"}, "is 'core', and there is no such protection", "pair  text"),
        ({"pair": "pari"}, "is 'pari', and there is no such protection", "did you mean pair"),
        ({"primary": "db-9"}, "config_items has no 'db-9'", "db-1"),
        ({"primry": "db-1"}, "RB-FAILOVER has no parameter 'primry'", "--param primary="),
    ],
)
def test_wrong_parameters(parameters: dict[str, str], words: str, remedy: str) -> None:
    with pytest.raises(UsageError) as wrong:
        plan(failover(), **parameters)
    assert words in str(wrong.value)
    assert remedy in wrong.value.remedy


def test_a_missing_parameter_is_listed_with_the_others() -> None:
    with pytest.raises(UsageError, match="needs the parameter pair") as wrong:
        make_plan(
            cmdb=cmdb_of(estate()),
            runbook=built(failover()),
            runbooks={},
            environment="lab",
            parameters={},
            artifacts_digest="",
            engine="",
        )
    assert "--param pair=…  the pair (protection)" in wrong.value.remedy
    assert "{protection.members.primary} when left out" in wrong.value.remedy


@pytest.mark.parametrize(
    ("parameter", "given", "words"),
    [
        ({"type": "integer"}, "x", "not a whole number"),
        ({"type": "integer"}, "1" * 30, "not a whole number"),
        ({"type": "choice", "choices": ["a", "b"]}, "c", "is 'c'"),
        ({"type": "text"}, "a\u2066b", "U+2066"),
        ({"type": "protection"}, "-x", "'extra' of RB-FAILOVER is '-x', and there is no such protection"),
    ],
)
def test_the_types_of_parameters(parameter: dict[str, Any], given: str, words: str) -> None:
    book = failover()
    book["parameters"]["extra"] = parameter | {"description": text()}
    with pytest.raises((UsageError, Refused)) as wrong:
        plan(book, extra=given)
    assert words in str(wrong.value)


def test_an_unknown_environment() -> None:
    with pytest.raises(UsageError, match="environments has no 'lba'"):
        plan(failover(), environment="lba")


def test_production_can_be_planned() -> None:
    sections = estate()
    control = {"kind": "redfish", "url": "https://198.18.1.1", "system": "/x", "user": "u", "secret_file": "/s"}
    sections["config_items"]["db-1"]["power"]["production"] = control
    made = plan(failover(), sections=sections, environment="production")
    assert made.targets["db-1"].address == "198.18.0.1"
    assert made.targets["db-1"].power.kind == "redfish"
    assert "kind" not in made.targets["db-1"].power.settings


def test_a_value_with_a_dash_stops_the_plan_at_its_step() -> None:
    sections = estate()
    sections["protections"]["pair"]["settings"]["interface"] = "-eth0"
    with pytest.raises(
        Refused, match=r"step address: the value of \{protection\.settings\.interface\} begins with a dash"
    ):
        plan(failover(), sections=sections)


def shuffled(value: Any, chance: random.Random) -> Any:
    """Give the same value with the names of every mapping in another order."""
    if isinstance(value, dict):
        items = list(value.items())
        chance.shuffle(items)
        return {name: shuffled(each, chance) for name, each in items}
    if isinstance(value, list):
        return [shuffled(each, chance) for each in value]
    return value


@given(st.integers(0, 2**32))
def test_the_order_of_the_files_does_not_change_a_plan(seed: int) -> None:
    chance = random.Random(seed)
    expected = plan(failback(), switchover()).digest
    books = [shuffled(book, chance) for book in (failback(), switchover())]
    assert plan(*books, sections=shuffled(estate(), chance)).digest == expected


def test_two_processes_with_other_hashes_give_the_same_bytes() -> None:
    program = (
        "from tests.unit.test_plan_planner import *\n"
        "import sys\n"
        "sys.stdout.buffer.write(canonical_json(plan(failback(), switchover()).to_json()))\n"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(found) == 1
    assert found == {canonical_json(plan(failback(), switchover()).to_json())}


def test_every_change_of_an_entry_changes_the_digest() -> None:
    before = plan(failover()).digest
    for section, id_ in (
        ("config_items", "db-1"),
        ("config_items", "watch-1"),
        ("protections", "pair"),
        ("services", "report"),
        ("environments", "lab"),
    ):
        sections = copy.deepcopy(estate())
        sections[section][id_]["note"] = "changed"
        assert plan(failover(), sections=sections).digest != before, id_
    sections = estate()
    sections["services"]["mail"]["note"] = "not a part of this plan"
    assert plan(failover(), sections=sections).digest == before


@given(
    st.lists(st.sampled_from(["fence", "promote", "on", "start", "stop", "touch"]), min_size=1, max_size=6),
    st.sampled_from(["failover", "switchover", "failback", "maintenance"]),
)
def test_no_order_of_steps_promotes_while_the_other_may_act(order: list[str], kind: str) -> None:
    """A model of its own says when a promotion is safe; the planner accepts exactly those plans."""
    book = failover()
    book["kind"] = kind
    book["roles"]["primary"]["reachable"] = True
    hands = {"timeout": "1 s", "repeat": "safe", "undo": "nothing", "by_hand": [{"do": "x", "see": text()}]}
    actions: dict[str, dict[str, Any]] = {
        "fence": {"verb": "fence", "on": "primary", "fence": {"witnesses": ["standby"], "silent_ports": [5432]}},
        "promote": {"verb": "promote", "on": "standby", "run": ARGV},
        "on": {"verb": "ensure", "on": "primary", "power": "on"},
        "touch": {"verb": "ensure", "on": "primary", "run": ARGV},
        "start": {"verb": "start", "on": "primary", "run": ARGV},
        "stop": {"verb": "stop", "on": "primary", "run": ARGV, "verify": [check("stopped", "primary", unit="x")]},
    }  # fmt: skip
    book["steps"] = [{"id": f"s{n}", "title": text(), **actions[name], **hands} for n, name in enumerate(order)]
    powered, running, safe = True, True, True
    for name in order:
        if name == "promote":
            strict = kind in {"failover", "maintenance"}
            safe = safe and not (powered if strict else running)
        elif name in {"start", "stop", "touch"}:
            safe = safe and powered  # nothing runs on a host that is off
            running = name != "stop"
        else:
            powered = name == "on"
            running = powered
    try:
        plan(book)
    except DrillbookError:
        assert not safe
    else:
        assert safe
