"""Pages for people: the exact commands, both languages, text and Markdown."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from drillbook.errors import UsageError
from drillbook.plan.model import Command
from drillbook.plan.reading import plan_from_json
from drillbook.plan.render import by_hand_page, plan_markdown, plan_page, plan_text
from drillbook.runbook.model import Kind, Repeat, Text, Verb
from drillbook.runbook.page import Line, as_markdown, as_text, cells
from drillbook.runbook.render import runbook_page
from drillbook.runbook.words import Words
from tests.plan_values import built, plan
from tests.runbook_estate import failback, failover, switchover

GOLDEN = Path(__file__).parents[1] / "plan_cases/pages"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_a_plan(language: str) -> None:
    assert plan_text(plan(failover()), language) == (GOLDEN / f"failover.{language}.txt").read_text()


def test_the_page_of_a_plan_as_markdown() -> None:
    assert plan_markdown(plan(failback(), switchover())) == (GOLDEN / "failback.en.md").read_text()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_of_a_runbook(language: str) -> None:
    page = as_text(runbook_page(built(failover()), language))
    assert page == (GOLDEN / f"runbook.{language}.txt").read_text()


def test_what_is_shown_is_what_is_sent() -> None:
    """Each argument list can be read back from the page, once the script is put in its place."""
    made = plan(failback(), switchover())
    rows = [line.text for line in plan_page(made) if line.kind == "code" and line.label == "$"]
    blocks = [line.text for line in plan_page(made) if line.kind == "code" and line.label == "|"]
    for step in made.steps:
        for action in (step.action, step.undo.action):
            if not isinstance(action, Command):
                continue
            script = action.argv[3] if action.argv[:3] == ("/bin/sh", "-eu", "-c") else None
            assert any(
                tuple(script if each == "…" else each for each in shlex.split(row.removesuffix(" <<…"))) == action.argv
                for row in rows
            ), action
            assert (script or action.stdin or None) in [*blocks, None]
    for step in made.steps:
        for hand in step.by_hand:
            assert isinstance(hand.do, str)
            assert hand.do in plan_text(made).replace("\n", " ")


def test_what_a_person_does_and_does_not_type_is_said_in_his_language() -> None:
    book = failover()
    book["steps"][0]["by_hand"][0]["do"] = {"en": "switch {primary.id} off", "zh": "切断 {primary.id} 的电源"}
    made = plan(book)
    assert made.steps[0].by_hand[0].do == Text("switch db-1 off", "切断 db-1 的电源")
    assert plan_from_json(made.to_json()) == made
    for page in (by_hand_page, plan_page):
        assert "•  switch db-1 off\n" in as_text(page(made))
        assert "•  切断 db-1 的电源\n" in as_text(page(made, "zh"))


def test_by_hand_alone_has_every_line_that_a_person_types_and_no_script() -> None:
    made = plan(failover())
    page = as_text(by_hand_page(made))
    typed = [hand.do for step in made.steps for hand in step.by_hand]
    assert typed
    assert all(line in page for line in typed)
    assert made.digest not in page
    assert "{" not in page


def test_the_same_plan_gives_the_same_page() -> None:
    assert plan_text(plan(failover())) == plan_text(plan(failover()))


def test_markdown_cannot_be_broken_out_of() -> None:
    lines = [
        Line("title", "a `b` *c* <script> [x](y) #"),
        Line("field", "<b>", "*l*"),
        Line("code", "echo '```'\n````", "$"),
    ]
    text = as_markdown(lines)
    assert "\\<script\\>" in text
    assert "\\*l\\*" in text
    assert "`````\n$ echo '```'\n````\n`````" in text


def test_columns_count_chinese_twice() -> None:
    assert cells("主机ab") == 6
    page = as_text([Line("field", "x", "主机", 1), Line("field", "y", "ab", 1), Line("field", "z", "abcdef", 1)])
    assert page == "  主机    x\n  ab      y\n  abcdef  z\n"


def test_an_unknown_language() -> None:
    with pytest.raises(UsageError, match="'fr'"):
        plan_text(plan(failover()), "fr")


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0.05, "50 ms", "50 毫秒"),
        (0.5, "500 ms", "500 毫秒"),
        (20.0, "20 s", "20 秒"),
        (1.5, "1500 ms", "1500 毫秒"),
        (60.0, "1 min", "1 分钟"),
        (90.0, "90 s", "90 秒"),
        (3600.0, "1 h", "1 小时"),
        (0.0, "0 s", "0 秒"),
        (1.0001, "1.0001 s", "1.0001 秒"),
    ],
)
def test_durations(seconds: float, en: str, zh: str) -> None:
    assert (Words("en").duration(seconds), Words("zh").duration(seconds)) == (en, zh)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_word_of_the_model_has_a_word_here(language: str) -> None:
    words = Words(language)
    said: list[Any] = [*map(words.verb, Verb), *map(words.kind, Kind), *map(words.repeat, Repeat)]
    assert all(said)
    assert words.text(Text("a", "甲")) == ("a" if language == "en" else "甲")
