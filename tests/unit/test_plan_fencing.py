"""The planner refuses what could harm: above all a promotion while the other member may act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.errors import DrillbookError, Refused
from tests.plan_values import plan
from tests.runbook_estate import check, estate, failback, failover, switchover, text

if TYPE_CHECKING:
    from collections.abc import Callable


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
