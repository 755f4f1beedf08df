"""What differs between two plans, in words."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drillbook.canonical import canonical_json
from drillbook.change.trust.bound import difference
from drillbook.text import forbidden_character
from tests.change_values import bound, plan_with_all

if TYPE_CHECKING:
    from collections.abc import Callable

Data = dict[str, Any]


def changed(change: Callable[[Data], object]) -> list[str]:
    """Give the lines of what a change of a plan.json's value makes different."""
    before = bound()
    after = copy.deepcopy(before)
    change(after)
    return [str(line) for line in difference(before, after)]


def put(*path: str | int, to: Any) -> Callable[[Data], None]:
    def change(value: Any) -> None:
        for part in path[:-1]:
            value = value[part]
        value[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (
            put("plan", "steps", 0, "action", "argv", to=["pg_ctl", "promote", "--force it"]),
            "step promote: command — approved: pg_ctl promote (as postgres); would run: pg_ctl promote '--force it'",
        ),
        (
            put("plan", "targets", "db-1", "address", to="10.213.0.99"),
            "host db-1: address — approved: 10.213.0.11; would run: 10.213.0.99",
        ),
        (put("plan", "steps", 0, "timeout", to=99.0), "step promote: timeout — approved: 20.0; would run: 99.0"),
        (put("plan", "parameters", "pair", to="x"), "parameter pair — approved: db-pair; would run: x"),
        (put("plan", "roles", "standby", to="db-3"), "role standby — approved: db-2; would run: db-3"),
        (
            put("plan", "services", to=["ledger", "shop"]),
            "services that it can interrupt — approved: ledger; would run: ledger, shop",
        ),
        (
            put("plan", "cmdb_slice", "services", "ledger", "tier", to=3),
            "CMDB services.ledger.tier — approved: 1; would run: 3",
        ),
        (
            put("sealed", 0, 2, to="sha256:" + "4" * 64),
            "file playbooks/checks/db.py — approved: content sha256:333333333333…; would run: another content sha256:4",
        ),
        (put("sealed", 0, 1, to="x"), "file playbooks/checks/db.py — approved: not executable; would run: executable"),
        (put("plan", "assumptions", to=[]), "assumption — approved: it is healthy: check is_primary of checks/db.py"),
        (put("plan", "steps", to=[]), "step promote — approved: pg_ctl promote (as postgres); would run: no such step"),
        (put("engine", to="sha256:" + "0" * 64), "engine in the trusted base — approved: sha256:eeee"),
        (put("plan", "runbook_digest", to="sha256:" + "0" * 64), "the runbook's file — approved: sha256:1111"),
    ],
)
def test_a_difference_is_said_in_words(change: Callable[[Data], None], wanted: str) -> None:
    lines = changed(change)
    assert len(lines) == 1
    assert lines[0].startswith(wanted)


def test_no_difference_no_line() -> None:
    assert changed(lambda _: None) == []


def test_a_changed_script_is_shown_and_steps_in_another_order_too() -> None:
    before = bound(plan=plan_with_all().to_json())
    after = copy.deepcopy(before)
    after["plan"]["steps"][0]["action"]["argv"][3] = "one\ntwo; rm\n"
    after["plan"]["steps"].reverse()
    lines = [str(line) for line in difference(before, after)]
    assert "two; rm⏎" in lines[0]
    assert lines[1].startswith("order of the steps — approved: run, playbook")


def test_a_difference_at_the_end_of_a_long_script_is_seen() -> None:
    before = bound(plan=plan_with_all().to_json())
    before["plan"]["steps"][0]["action"]["argv"][3] = "echo one\n" * 500 + "true\n"
    after = copy.deepcopy(before)
    after["plan"]["steps"][0]["action"]["argv"][3] = "echo one\n" * 500 + "false\n"
    (line,) = difference(before, after)
    assert "true⏎" in line.approved
    assert "false⏎" in line.would_run


def test_of_a_long_script_only_the_lines_that_differ_are_shown() -> None:
    before = bound(plan=plan_with_all().to_json())
    after = copy.deepcopy(before)
    script = [f"echo line {number}" for number in range(1, 101)]
    before["plan"]["steps"][0]["action"]["argv"][3] = "\n".join(script) + "\n"
    script[9], script[59:60] = "echo ten", ["echo line 60", "reboot"]
    after["plan"]["steps"][0]["action"]["argv"][3] = "\n".join(script) + "\n"
    (line,) = difference(before, after)
    assert line.approved == "line 10: echo line 10⏎; line 61: nothing"
    assert line.would_run == "line 10: echo ten⏎; line 61: reboot⏎"


def test_scripts_that_have_nothing_in_common_are_cut() -> None:
    before = bound(plan=plan_with_all().to_json())
    after = copy.deepcopy(before)
    before["plan"]["steps"][0]["action"]["argv"][3] = "true\n" * 20_000
    after["plan"]["steps"][0]["action"]["argv"][3] = "false\n" * 20_000
    (line,) = difference(before, after)
    assert "true⏎" in line.approved
    assert "false⏎" in line.would_run
    assert max(len(line.approved), len(line.would_run)) < 700


def test_files_of_a_configuration() -> None:
    move = {
        "from": "sha256:" + "1" * 64,
        "to": "sha256:" + "2" * 64,
        "paths": [{"path": "cmdb.yaml", "status": "M", "digest": "sha256:" + "3" * 64}],
    }
    before = bound(plan=None, sealed=[], configuration=move)
    after = copy.deepcopy(before)
    after["configuration"]["paths"].append({"path": "src/x.py", "status": "A", "digest": "sha256:" + "5" * 64})
    after["configuration"]["to"] = "sha256:" + "6" * 64
    lines = [str(line) for line in difference(before, after)]
    assert lines[0] == f"file src/x.py — approved: not changed; would run: added sha256:{'5' * 12}"
    assert lines[1].startswith("state that it leads to")


@given(st.data())
def test_whatever_differs_is_said_and_is_safe_to_print(data: st.DataObject) -> None:
    """No change of any leaf goes unsaid, whatever is put there."""
    before = bound(plan=plan_with_all().to_json())
    after = copy.deepcopy(before)
    node: Any = after
    parent, key = node, data.draw(st.sampled_from(sorted(node)))
    while True:
        node = parent[key]
        if isinstance(node, dict) and node:
            parent, key = node, data.draw(st.sampled_from(sorted(node)))
        elif isinstance(node, list) and node:
            parent, key = node, data.draw(st.integers(0, len(node) - 1))
        else:
            break
    if key == "type":  # another type has another form
        return
    new = data.draw(st.text(max_size=20)) if isinstance(node, str) else data.draw(st.integers(1, 9))
    parent[key] = new
    lines = difference(before, after)
    assert bool(lines) == (canonical_json(new) != canonical_json(node))
    assert all(forbidden_character(str(line)) is None for line in lines)
