"""Which protections fit a runbook: exactly those that it can be planned with, and the others are named as a mistake."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from drillbook.cmdb.load import load
from drillbook.errors import Refused, UsageError
from drillbook.plan.planner import make_plan
from drillbook.runbook.load import load_all
from tests.plan_values import plan
from tests.runbook_estate import failover

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.cmdb.model import Cmdb
    from drillbook.runbook.model import Runbook

ROOT = Path(__file__).parents[2]


@cache
def shipped() -> tuple[Cmdb, Mapping[str, Runbook]]:
    return load(ROOT), load_all(ROOT)


def tell(runbook: str, environment: str = "lab", **parameters: str) -> UsageError | None:
    """Give what a person is told, or None when there is a plan."""
    cmdb, runbooks = shipped()
    try:
        make_plan(
            cmdb=cmdb, runbook=runbooks[runbook], runbooks=runbooks, environment=environment,
            parameters=parameters, artifacts_digest="sha256:a", engine="0.1",
        )  # fmt: skip
    except UsageError as error:
        return error
    return None


def fitting(error: UsageError) -> list[str]:
    return re.findall(r"^([a-z0-9-]+)  ", error.remedy, flags=re.MULTILINE)


# A parameter that no other one of the runbook has to be right for.
ALONE = [
    (id_, name)
    for id_, runbook in sorted(load_all(ROOT).items())
    for name, parameter in runbook.parameters.items()
    if parameter.type == "protection"
    and all(p.default is not None or p is parameter for p in runbook.parameters.values())
]


@pytest.mark.parametrize(("runbook", "name"), ALONE, ids=[each[0] for each in ALONE])
def test_each_protection_has_a_plan_or_is_told_to_be_a_wrong_one(runbook: str, name: str) -> None:
    cmdb, _ = shipped()
    told = {each.id: tell(runbook, **{name: each.id}) for each in cmdb.protections}
    planned = [id_ for id_, error in told.items() if error is None]
    assert planned
    for id_, error in told.items():
        if error is not None:
            assert error.message.startswith(f"the parameter '{name}' of {runbook} is '{id_}', of the kind ")
            assert fitting(error) == planned


@pytest.mark.parametrize(
    ("runbook", "given", "words", "fit"),
    [
        ("RB-STANDBY-PROMOTION", {"protection": "core-db"},
         "is 'core-db', of the kind hot_standby, which does not have what it needs: members.spare",
         ["proxy-spare", "web-spare", "login-spare"]),
        ("RB-DB-FAILOVER", {"pair": "web-spare"}, "of the kind cold_standby", ["core-db"]),
        ("RB-DB-REPLICATION-MODE", {"pair": "web-spare", "mode": "synchronous"}, "settings.database", ["core-db"]),
        ("RB-MAIL-FAILOVER", {"pair": "core-db"}, "settings.closed_unit", ["mail-pair"]),
        ("RB-MAIL-FAILOVER", {"pair": "mail"}, "is 'mail', and there is no such protection", ["mail-pair"]),
        # What the runbooks need that it hands the value on to.
        ("RB-ROOM-LOSS", {"database": "core-db", "mail": "core-db", "cold": "web-spare"},
         "the parameter 'mail' of RB-ROOM-LOSS is 'core-db'", ["mail-pair"]),
        ("RB-ROOM-LOSS", {"database": "core-db", "mail": "mail-pair", "cold": "mail-pair"},
         "the parameter 'cold' of RB-ROOM-LOSS is 'mail-pair'", ["proxy-spare", "web-spare", "login-spare"]),
    ],
)  # fmt: skip
def test_what_is_said(runbook: str, given: dict[str, str], words: str, fit: list[str]) -> None:
    error = tell(runbook, **given)
    assert error is not None
    assert words in error.message
    assert fitting(error) == fit


def test_where_what_is_missing_would_stand_is_said_too() -> None:
    error = tell("RB-DB-FAILOVER", pair="web-spare")
    assert error is not None
    entry = shipped()[0].protections["web-spare"]
    assert f"or give web-spare what is missing, in {entry.file}, line {entry.line}" in error.remedy


def test_an_unknown_environment_comes_before_what_is_looked_up_in_it() -> None:
    error = tell("RB-DB-FAILOVER", environment="nowhere", pair="core-db")
    assert error is not None
    assert error.message == "environments has no 'nowhere'"


def test_what_no_protection_has_is_the_runbooks_mistake() -> None:
    book = failover()
    book["steps"][2]["run"]["values"] = ["{protection.settings.nothing}", "x"]
    with pytest.raises(Refused, match=r"settings\.nothing} names nothing"):
        plan(book)


def test_a_value_with_a_forbidden_character_is_still_refused_as_such() -> None:
    with pytest.raises(Refused, match="holds the character"):
        plan(failover(), pair="pa\x1bir")
