"""How drills and their schedule are shown, in both languages."""

from __future__ import annotations

import io
import re
from datetime import UTC
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from drillbook.console import schedule_words
from drillbook.console.schedule_view import show_due, show_list, show_order
from drillbook.console.schedule_words import ScheduleWords
from drillbook.errors import UsageError
from drillbook.evidence.verdict import Result
from drillbook.schedule.due import State, schedule
from drillbook.schedule.seen import Seen
from tests import drill_values
from tests.archive_values import NOW, archive, kept
from tests.unit.test_schedule_due import policy

if TYPE_CHECKING:
    from drillbook.drill.model import Drill
    from drillbook.schedule.due import Schedule

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Drill:
    return drill_values.loaded(tmp_path_factory.mktemp("drill"), drill_values.drill())


def found(base: Drill, *records: Any) -> Schedule:
    wanted = policy(core={"tier": 1}, lone={"tier": 2})
    return schedule(wanted, [base], archive(*records), pairs={}, now=NOW, seen=Seen())


def printed(show: Any, *arguments: Any, language: str, **options: Any) -> str:
    out = io.StringIO()
    show(*arguments, Console(file=out, width=160), zone=UTC, words=ScheduleWords(language), **options)
    return out.getvalue()


def test_every_word_says_the_same_in_both_languages() -> None:
    for name, (english, chinese) in schedule_words._WORDS.items():
        assert CHINESE.search(chinese), name
        assert not CHINESE.search(english), name
        assert sorted(re.findall(r"\{\w+\}", english)) == sorted(re.findall(r"\{\w+\}", chinese)), name
    words = ScheduleWords("zh")
    assert all(CHINESE.search(words.state(each)) for each in State)
    assert all(CHINESE.search(words.result(each)) for each in Result)
    with pytest.raises(UsageError, match="no language 'fr'"):
        ScheduleWords("fr")


@pytest.mark.parametrize(
    ("days", "english", "chinese"),
    [(None, "never run", "从未演练"), (1, "next 20", "下次 20"), (90, "overdue since", "起逾期")],
)
def test_how_a_drill_stands(base: Drill, days: int | None, english: str, chinese: str) -> None:
    records = () if days is None else (kept(base.name, days=days),)
    for language, words in (("en", english), ("zh", chinese)):
        listed = printed(show_list, found(base, *records), language=language)
        due = printed(show_due, found(base, *records), language=language, everything=True)
        assert words in listed
        assert words in due
        assert bool(CHINESE.search(due)) == (language == "zh")
        assert "lone" in due
        assert base.name in listed


def test_columns_of_wide_signs_stand_below_each_other(base: Drill) -> None:
    head, row = printed(show_due, found(base), language="zh", everything=True).splitlines()[:2]
    for title, value in (("级别", "1"), ("状态", "从未演练"), ("服务", base.service)):
        assert cell_len(head[: head.index(title)]) == cell_len(
            row[: row.rindex(value) if title == "服务" else row.index(value)]
        )


def test_the_order_is_said(base: Drill) -> None:
    queue = found(base).drills
    assert "从未演练；级别 1；" in printed(show_order, queue, {}, found(base), language="zh")
    assert "暂不执行：节假日" in printed(show_order, queue, {base.name: "节假日"}, found(base), language="zh")
