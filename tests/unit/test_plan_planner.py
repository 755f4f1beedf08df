"""The planner: what it binds, what it refuses, and that the same input gives the same bytes."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.canonical import canonical_json
from drillbook.errors import Refused, UsageError
from drillbook.plan.model import CheckRun, Command, FenceRun, PowerRun, WaitRun
from drillbook.plan.planner import make_plan
from drillbook.plan.reading import plan_from_json
from tests.plan_values import built, plan
from tests.runbook_estate import (
    cmdb_of,
    estate,
    failback,
    failover,
    switchover,
    text,
)

ROOT = Path(__file__).parents[2]


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
        "import sys\n"
        "from drillbook.canonical import canonical_json\n"
        "from tests.plan_values import plan\n"
        "from tests.runbook_estate import failback, switchover\n"
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
