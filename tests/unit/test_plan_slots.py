"""Slots and lists in a plan: the rule is approved, the place is kept, and nothing else can get there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.canonical import canonical_json
from drillbook.change.records.difference import difference
from drillbook.errors import Refused
from drillbook.execution.approved_commands import approved_commands
from drillbook.plan.model import CheckRun, Command, PlannedSlot, SlotUse, WaitRun
from drillbook.plan.reading import plan_from_json
from drillbook.plan.render import plan_text
from drillbook.plan.slots import bound_step
from drillbook.runbook.render import runbook_page
from tests.plan_values import built, plan
from tests.runbook_estate import check, estate, failback, failover, switchover, text

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.plan.model import Plan, PlannedStep

PATHS = ["/etc/role", "/srv/role data"]


def choosing(book: dict[str, Any], **rules: dict[str, Any]) -> dict[str, Any]:
    """Give a runbook with a slot ``copies`` on the standby's host, and whatever else is said."""
    said = {"text": text("The newest verified copies", "最新的可用副本"), "choose": check("anything", paths="{x}")}
    said["choose"] = check("anything", paths="{protection.settings.paths}")
    book["slots"] = {"copies": said} | rules
    return book


def using(run: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Give a failover whose step ``address`` runs something else."""
    book = choosing(failover())
    book["steps"][2] |= {"run": run} | more
    return book


def sections(paths: Any = None) -> dict[str, Any]:
    known = estate()
    known["protections"]["pair"]["settings"]["paths"] = PATHS if paths is None else paths
    return known


def planned(book: dict[str, Any], *others: dict[str, Any], paths: Any = None) -> Plan:
    return plan(book, *others, sections=sections(paths))


def argv_of(step: PlannedStep) -> tuple[str | SlotUse, ...]:
    assert isinstance(step.action, Command)
    return step.action.argv


EVERYWHERE = {"argv": ["take", "{slots.copies}", "--", "{protection.settings.paths}"]}


def everywhere() -> dict[str, Any]:
    return using(
        EVERYWHERE,
        verify=[check("anything", copies="{slots.copies}", paths="{protection.settings.paths}")],
        undo={"run": {"script": 'id="$1"\nshift\nfor each in "$@"; do drop "$each"; done\n',
                      "values": ["{standby.id}", "{slots.copies}"]}},
        by_hand=[{"on": "standby", "do": "take {slots.copies} of {standby.id}", "see": text()}],
    )  # fmt: skip


def test_a_plan_holds_the_rule_and_the_places() -> None:
    made = planned(everywhere())
    assert made.slots == (
        PlannedSlot("copies", made.slots[0].text, CheckRun("checks/db.py", "anything", "db-2", {"paths": PATHS})),
    )
    step = made.step("address")
    assert argv_of(step) == ("take", SlotUse("copies", True), "--", *PATHS)
    assert step.verify[0].arguments == {"paths": PATHS}
    assert step.verify[0].slots == {"copies": "copies"}
    assert isinstance(step.undo.action, Command)
    assert step.undo.action.argv[-2:] == ("db-2", SlotUse("copies", True))
    assert "db-2" in made.reachable
    assert plan_from_json(json.loads(canonical_json(made.to_json()))) == made


def test_what_is_chosen_is_no_part_of_the_digest_and_the_rule_is() -> None:
    made = planned(everywhere())
    other = choosing(everywhere(), copies={"text": text("Others"), "choose": check("anything")})
    assert planned(other).digest != made.digest
    lines = [str(each) for each in difference({"plan": made.to_json()}, {"plan": planned(other).to_json()})]
    assert lines[0].startswith("slot copies — approved: The newest verified copies: check anything of checks/db.py")


def test_a_plan_without_slots_says_nothing_of_them() -> None:
    """What was approved before there were slots keeps its digest."""
    assert '"slots"' not in canonical_json(plan(failover()).to_json()).decode()


def test_difference_names_the_place_of_a_slot() -> None:
    one, other = (
        planned(everywhere()),
        planned(using({"argv": ["take", "db-2"]}, verify=everywhere()["steps"][2]["verify"])),
    )
    found = {each.where: each for each in difference({"plan": one.to_json()}, {"plan": other.to_json()})}
    assert found["step address: command"].approved == "take ‹copies, …› -- /etc/role '/srv/role data' (as root)"


@pytest.mark.parametrize(("language", "said"), [("en", "The newest verified copies"), ("zh", "最新的可用副本")])
def test_the_approver_sees_the_rule_and_where_its_value_goes(language: str, said: str) -> None:
    page = plan_text(planned(everywhere()), language)
    assert f"$ take ‹copies: {said}› -- /etc/role '/srv/role data'\n" in page
    assert f"anything(paths={PATHS}, copies=‹copies: {said}›)" in page
    assert f"db-2$ take ‹copies: {said}› of db-2\n" in page
    assert page.count(said) == 5  # the rule itself, and these four places
    assert any(line.label == "copies" and line.text == said for line in runbook_page(built(everywhere()), language))


def test_a_called_runbooks_slots_are_named_by_its_step() -> None:
    inner = choosing(switchover())
    inner["steps"][2]["run"] = {"argv": ["take", "{slots.copies}"]}
    inner["roles"]["observer"] = {"item": "watch-1"}
    inner["slots"]["copies"]["choose"]["on"] = "observer"
    made = planned(choosing(failback(), own={"text": text(), "choose": check("anything")}), inner)
    assert [slot.name for slot in made.slots] == ["copies", "own", "switch/copies"]
    assert argv_of(made.step("switch/address")) == ("take", SlotUse("switch/copies", True))
    assert "watch-1" in made.reachable  # asked at the start, though its steps come later
    inner["slots"]["copies"]["choose"]["on"] = "standby"  # the caller's primary, which is off at the start
    with pytest.raises(Refused, match="switch/copies is chosen on db-1 when the run begins"):
        planned(failback(), inner)


SCRIPT = 'echo "$1"\n'
ALL = 'echo "$@"\n'
REFUSED: list[tuple[str, dict[str, Any], Any]] = [
    ("names a list, which becomes that many values",
     {"script": SCRIPT, "values": ["{protection.settings.paths}"]}, None),
    ("names a list, which becomes that many values",
     {"script": ALL, "values": ["{protection.settings.paths}", "{standby.id}"]}, None),
    ("names a list, which stands alone", {"argv": ["x", "a{protection.settings.paths}"]}, None),
    ("begins with a dash: '--exclude=/' could", {"argv": ["x", "{protection.settings.paths}"]}, ["/a", "--exclude=/"]),
    ("an element of {protection.settings.paths} is empty", {"argv": ["x", "{protection.settings.paths}"]}, ["/a", ""]),
    ("holds the character U+000A", {"argv": ["x", "{protection.settings.paths}"]}, ["/a\n/"]),
    ("a list of texts, not empty", {"argv": ["x", "{protection.settings.paths}"]}, []),
    ("a list of texts, not empty", {"argv": ["x", "{protection.settings.paths}"]}, ["/a", 1]),
    ("{slots.other} names nothing", {"argv": ["x", "{slots.other}"]}, None),
    ("copies is chosen when the run begins", {"argv": ["x", "a{slots.copies}"]}, None),
    ("copies is chosen when the run begins",
     {"sql": "select :'x'", "database": "core", "variables": {"x": "{slots.copies}"}}, None),
]  # fmt: skip


@pytest.mark.parametrize(("words", "run", "paths"), REFUSED, ids=[f"{n}" for n in range(len(REFUSED))])
def test_what_must_not_stand_there_is_refused(words: str, run: dict[str, Any], paths: Any) -> None:
    with pytest.raises(Refused) as refused:
        planned(using(run), paths=paths)
    assert words in str(refused.value)


def test_a_rule_cannot_name_a_slot() -> None:
    book = using({"argv": ["x", "{slots.copies}"]})
    book["slots"]["copies"]["choose"] = check("anything", of="{slots.copies}")
    with pytest.raises(Refused, match=r"slots: .*names nothing"):
        planned(book)


def test_paths_that_a_setting_names_in_one_text_are_typed_as_several_words() -> None:
    book = failback()
    book["steps"][1]["by_hand"] = [{"on": "primary", "do": "cp -a {protection.settings.paths} /kept", "see": text()}]
    made = planned(book, switchover(), paths="/var/lib/web /var/log/web")
    assert made.step("rebuild").by_hand[0].do == "cp -a /var/lib/web /var/log/web /kept"
    for other in ("/var/lib/web -rf", "/var/lib/web  /var/log", "web /var", "/a /b;c", "/a /b\n/c"):
        with pytest.raises(Refused, match="cannot be typed by hand"):
            planned(book, switchover(), paths=other)


def test_a_list_typed_by_hand_and_given_to_a_playbook() -> None:
    book = failback()
    book["steps"][1]["playbook"]["variables"] = {"paths": "{protection.settings.paths}"}
    book["steps"][1]["by_hand"] = [{"do": "copy {protection.settings.paths} back", "see": text()}]
    made = planned(book, switchover(), paths=["/a", "/b"])
    step = made.step("rebuild")
    assert step.action.variables == {"paths": ["/a", "/b"]}  # type: ignore[union-attr]
    assert step.by_hand[0].do == "copy /a /b back"
    book["steps"][1]["by_hand"][0]["on"] = "primary"
    with pytest.raises(Refused, match="cannot be typed by hand"):
        planned(book, switchover(), paths=["/a", "/b c"])


def test_values_take_the_places_of_their_slots() -> None:
    step = planned(everywhere()).step("address")
    bound = bound_step(step, {"copies": ["web.1", "web.2"]})
    assert isinstance(bound.action, Command)
    assert bound.action.words == ("take", "web.1", "web.2", "--", *PATHS)
    assert bound.verify[0].arguments == {"paths": PATHS, "copies": ["web.1", "web.2"]}
    assert not bound.verify[0].slots
    assert bound.undo.action is not None
    assert bound.undo.action.argv[-3:] == ("db-2", "web.1", "web.2")  # type: ignore[union-attr]
    assert bound_step(step, {}) == step
    waiting = replace(step, action=WaitRun(step.verify[0], 1.0))
    assert bound_step(waiting, {"copies": "x"}).action.check.arguments["copies"] == "x"  # type: ignore[union-attr]


def test_a_command_is_not_sent_before_its_slots_are_bound() -> None:
    action = planned(everywhere()).step("address").action
    assert isinstance(action, Command)
    with pytest.raises(Refused, match="needs the value of the slot copies"):
        _ = action.words


def test_a_list_does_not_stand_where_a_script_takes_one_value() -> None:
    step = planned(using({"script": SCRIPT, "values": ["{slots.copies}"]})).step("address")
    assert bound_step(step, {"copies": "one"}) != step
    with pytest.raises(Refused, match="stands where one value must stand"):
        bound_step(step, {"copies": ["one", "two"]})


@pytest.mark.parametrize("word", ["promote", "pg_promote", "poweroff"])
def test_a_value_cannot_promote_or_switch_off(word: str) -> None:
    step = planned(using({"argv": ["pg_ctlcluster", "{slots.copies}"]})).step("address")
    with pytest.raises(Refused, match=f"says '{word}'"):
        bound_step(step, {"copies": word})


def test_no_certificate_lists_commands_that_nobody_knows_before(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="the plan chooses copies when it runs"):
        approved_commands(planned(everywhere()), tmp_path)
