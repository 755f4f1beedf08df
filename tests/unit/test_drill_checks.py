"""A drill is held against what it would run, before a host is touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drillbook.drill.load import find_drill
from drillbook.errors import InvalidInput
from drillbook.tasks.drill_checks import require_valid
from drillbook.tasks.wiring import load_estate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", ["main", "afterwards"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("primary", "core-db-9", "core-db-9"), ("primry", "core-db-1", "primry")],
)
def test_what_no_plan_can_be_made_of_is_a_finding(part: str, name: str, value: str, words: str) -> None:
    estate = load_estate(ROOT)
    drill = find_drill(ROOT, "core-db-switchover")
    require_valid(drill, estate)
    if part == "main":
        broken = replace(drill, call=replace(drill.call, parameters={"pair": "core-db", name: value}))
        line = drill.call.line
    else:
        call = drill.afterwards[0]
        broken = replace(drill, afterwards=(replace(call, parameters={"pair": "core-db", name: value}),))
        line = call.line
    with pytest.raises(InvalidInput) as caught:
        require_valid(broken, estate)
    finding = caught.value.findings[0]
    assert (finding.file, finding.line, finding.rule) == (drill.file, line, "drill-plan")
    assert words in finding.message
