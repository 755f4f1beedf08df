"""Independent parts in a plan: what each needs, what no part may count on, and what an approver reads of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from drillbook.canonical import canonical_json
from drillbook.change.records.difference import difference
from drillbook.errors import Refused
from drillbook.plan.parts import own_hosts
from drillbook.plan.reading import plan_from_json
from drillbook.plan.render import by_hand_page, plan_text
from drillbook.runbook.page import as_text
from drillbook.runbook.render import runbook_page
from tests.parts_estate import whole
from tests.plan_values import built, plan
from tests.runbook_estate import apart, check, estate, failback, failover, switchover, text


def test_each_part_has_its_own_hosts_and_none_is_needed_to_begin() -> None:
    made = plan(*whole(c=["a"]))
    assert [(each.id, each.runbook, each.after, each.reachable) for each in made.parts] == [
        ("a", "RB-A", (), ("db-1",)),
        ("b", "RB-B", (), ("db-2",)),
        ("c", "RB-C", ("a",), ("watch-1",)),
    ]
    assert made.reachable == ("db-1", "db-2", "watch-1")
    assert own_hosts(made) == set()
    assert own_hosts(plan(failover())) == {"db-2", "watch-1"}
    assert [step.id for step in made.steps][:3] == ["a/assumption-1", "a/do", "a/tell"]


def test_a_part_knows_its_services_protection_and_locks() -> None:
    book = apart()
    made = plan(book, switchover(), primary="db-2")
    assert [(each.protection, each.locks, each.services) for each in made.parts] == [
        ("pair", ("db-1", "db-2"), ("core", "front", "report"))
    ] * 2
    assert made.locks == ("db-1", "db-2")


def test_a_plan_with_parts_is_json_and_back_and_its_digest_covers_them() -> None:
    made = plan(*whole(c=["a"]))
    assert plan_from_json(json.loads(canonical_json(made.to_json()))) == made
    other = plan(*whole(c=["b"]))
    assert made.digest != other.digest
    said = [str(line) for line in difference({"plan": made.to_json()}, {"plan": other.to_json()})]
    assert said[0].startswith("independent part c — approved: RB-C; after a; ")


def test_a_plan_without_parts_says_nothing_of_them() -> None:
    assert "parts" not in plan(failover()).to_json()


@pytest.mark.parametrize(
    ("language", "words", "after"),
    [
        (
            "en",
            "Independent parts: when one fails, the run goes on with the next that does not come after it",
            "only after a",
        ),
        ("zh", "独立部分：某一部分失败时，继续执行下一个不以其为前提的部分", "须在 a 完成之后"),
    ],
)
def test_who_approves_reads_it(language: str, words: str, after: str) -> None:
    made = plan(*whole(c=["a"]))
    for page in (plan_text(made, language), as_text(by_hand_page(made, language))):
        assert words in page
        assert after in page
        assert page.index(words) < page.index("a/do")
    book = as_text(runbook_page(built(whole(c=["a"])[0]), language))
    assert after in book


def refusal(book: dict[str, Any], *others: dict[str, Any], **parameters: str) -> str:
    with pytest.raises(Refused) as refused:
        plan(book, *others, **parameters)
    return refused.value.message


def test_an_ordinary_step_beside_independent_calls_is_refused() -> None:
    book = apart()
    book["steps"][1]["runbook"] = {"id": "RB-SWITCH", "parameters": {"pair": "pair"}}
    assert "step again: other steps beside it are independent calls" in refusal(book, switchover(), primary="db-2")
    book["steps"].reverse()
    assert "step again: other steps beside it" in refusal(book, switchover(), primary="db-2")


def test_independent_calls_in_a_runbook_that_is_called_are_refused() -> None:
    outer = failback()
    outer["steps"][2]["runbook"] = {"id": "RB-APART", "parameters": {"pair": "pair", "primary": "db-2"}}
    assert "has independent calls beside other steps, or is called itself" in refusal(outer, apart(), switchover())


def test_a_part_that_comes_after_none_before_it_is_refused() -> None:
    book = apart()
    book["steps"][1]["runbook"]["after"] = ["later"]
    assert "it comes after 'later', which is no part before it" in refusal(book, switchover(), primary="db-2")


def test_two_parts_that_act_on_one_host_do_not_stand_by_themselves() -> None:
    book = apart()
    book["steps"][1]["runbook"].pop("after")
    assert "it acts on db-1, db-2, and so does switch" in refusal(book, switchover(), primary="db-2")


def test_a_person_who_acts_on_a_host_acts_on_it() -> None:
    books = whole()
    books[0]["steps"][1]["runbook"]["parameters"]["host"] = "db-1"
    for book in books[1:3]:
        book["steps"][0]["on"] = "host"
    assert "it acts on db-1, and so does a" in refusal(*books)
    books[0]["steps"][1]["runbook"]["after"] = ["a"]
    assert plan(*books).locks == ()  # a person's hand needs no lock


@pytest.mark.parametrize("what", ["assumptions", "slots"])
def test_assumptions_and_slots_beside_parts_are_refused(what: str) -> None:
    """A part that begins for the first time in a resumed run would not ask them."""
    books = whole()
    books[0]["roles"] = {"seen": {"item": "watch-1"}}
    found = {"file": "checks/db.py", "function": "x", "on": "seen"}
    books[0] |= {
        "assumptions": {"assumptions": [{"text": text(), "check": check("is_standby", "seen", port=1)}]},
        "slots": {"slots": {"copy": {"text": text(), "choose": found}}},
    }[what]
    assert "it has assumptions or slots beside independent calls" in refusal(*books)


def proving(fenced: bool) -> list[dict[str, Any]]:
    """Give a runbook of two parts: a fence alone, then a promotion with a fence of its own or without."""
    fence, promotion = failover(), failover()
    fence["runbook"], promotion["runbook"] = "RB-FENCE", "RB-PROMOTE"
    fence["steps"] = fence["steps"][:1]
    promotion["steps"] = promotion["steps"][0 if fenced else 1 :]
    book = apart()
    book["kind"] = "failover"
    given = {"pair": "{parameters.pair}", "primary": "{parameters.primary}"}
    book["steps"][0]["runbook"] = {"id": "RB-FENCE", "parameters": given, "independent": True}
    book["steps"][1]["runbook"] = {"id": "RB-PROMOTE", "parameters": given, "independent": True, "after": ["switch"]}
    return [book, fence, promotion]


def test_a_fence_in_one_part_proves_nothing_for_another() -> None:
    """Also where it comes after it: each part is proved by itself, as the runbook that it is."""
    assert plan(*proving(fenced=True), primary="db-1").parts
    book, *others = proving(fenced=False)
    assert "promotes db-2 while nothing proves that db-1 cannot act" in refusal(book, *others, primary="db-1")


def calling(first: str, second: str, **more: Any) -> list[dict[str, Any]]:
    """Give a runbook of two parts over db-1: what the first does to its power, and what the second does."""

    def small(action: str) -> dict[str, Any]:
        book = failback()
        book["runbook"] = f"RB-{action.upper()}"
        book.pop("assumptions")
        steps = {
            "fence": failover()["steps"][0],
            "power": book["steps"][0],
            "log-in": {**book["steps"][0], "id": "log-in", "run": {"argv": ["true"]}},
        }
        steps["log-in"].pop("power")
        book["steps"] = [steps[action]]
        book["roles"] = copy.deepcopy(failover()["roles"])
        book["roles"]["primary"]["reachable"] = action == "log-in"
        return book

    book = apart()
    for step, action, extra in zip(book["steps"], (first, second), ({}, more), strict=True):
        given = {"pair": "{parameters.pair}", "primary": "{parameters.primary}"}
        step["runbook"] = {"id": f"RB-{action.upper()}", "parameters": given, "independent": True, **extra}
    return [book, small(first), small(second)]


def test_a_host_that_an_earlier_part_may_have_switched_off_is_not_logged_in_to() -> None:
    books = calling("fence", "log-in", after=["switch"])
    assert "this logs in to db-1, which may be off" in refusal(*books, primary="db-1")
    assert plan(*calling("power", "log-in", after=["switch"]), primary="db-1").parts


def test_a_host_that_the_run_itself_switches_on_is_not_needed_before_it_begins() -> None:
    made = plan(*calling("power", "log-in", after=["switch"]), primary="db-1")
    assert (made.reachable, [part.reachable for part in made.parts]) == ((), [(), ("db-1",)])
    # What comes after nothing needs it by itself: nobody may have switched it on.
    books = calling("power", "log-in")
    books[2]["steps"][0] |= {"verb": "verify", "check": check("is_standby", "primary", port=1)}
    for key in ("run", "on", "undo", "repeat", "by_hand"):
        books[2]["steps"][0].pop(key, None)
    assert plan(*books, primary="db-1").reachable == ("db-1",)


def test_what_one_part_does_without_another_may_need() -> None:
    """A witness that may be away is no reason to call it away for the part that acts on it."""
    books = whole()
    books[1]["roles"]["host"]["reachable"] = False
    books[1]["assumptions"] = []
    books[2]["roles"]["host"] = {"item": "db-1"}
    made = plan(*books)
    assert [each.reachable for each in made.parts] == [(), ("db-1",), ("watch-1",)]


def test_a_slot_of_a_part_is_chosen_where_that_part_logs_in() -> None:
    books = whole()
    books[2]["slots"] = {"copy": {"text": text(), "choose": {"file": "checks/db.py", "function": "x", "on": "host"}}}
    books[2]["steps"][0] = {
        **books[2]["steps"][0], "on": "host", "run": {"argv": ["take", "{slots.copy}"]}, "repeat": "safe",
        "by_hand": [{"do": "do it", "see": text()}],
    }  # fmt: skip
    books[2]["steps"][0].pop("manual")
    made = plan(*books, sections=estate())
    assert [slot.name for slot in made.slots] == ["b/copy"]
    assert own_hosts(made) == set()
    books[2]["roles"]["host"]["reachable"] = False
    books[2]["assumptions"] = []
    assert "may be off" in refusal(*books)
