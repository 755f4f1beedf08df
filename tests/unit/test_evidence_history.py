"""Histories: the trend against figures from the literature, the drawing, the page, the terminal."""

from __future__ import annotations

import itertools
import random
import re
from datetime import UTC
from io import StringIO
from math import erfc, sqrt
from statistics import median
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from rich.cells import cell_len
from rich.console import Console

from drillbook.console.history_view import show_history
from drillbook.evidence.archive import Archive, Distrusted, StepRun
from drillbook.evidence.history.page import page
from drillbook.evidence.history.plot import WIDTHS, plot, ticks
from drillbook.evidence.history.runs import history, to_json
from drillbook.evidence.history.trend import Direction, mann_kendall, trend
from drillbook.evidence.verdict import Result
from drillbook.runbook.model import Text
from tests.archive_values import NOW, archive, kept


def runs(*outages: float, **changes: Any) -> Archive:
    """A run each month, oldest first."""
    count = len(outages)
    return archive(*(kept(days=30 * (count - at), outage=each, **changes) for at, each in enumerate(outages)))


def found(*outages: float, **changes: Any) -> Any:
    return history(runs(*outages, **changes), "db-failover", now=NOW)


# --- the trend -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "p"),
    [
        ([1, 2, 3], 2 / 6),  # 3! orders, of which the two perfect ones are as extreme
        ([4, 3, 2, 1], 2 / 24),
        ([1, 2, 3, 4, 5], 2 / 120),
        ([1, 2, 3, 5, 4], 10 / 120),  # one pair falls: P(|S| >= 8) = 2 (1 + 4) / 120
        ([2, 1], 1.0),
        ([1, 1, 1, 1, 1, 1], 1.0),
    ],
)
def test_the_test_of_mann_and_kendall(values: list[float], p: float) -> None:
    assert mann_kendall(values) == pytest.approx(p)


def test_the_exact_test_agrees_with_counting_all_orders() -> None:
    for values in ([3, 1, 4, 2, 6, 5], [1, 6, 2, 5, 3, 4]):

        def s(order: Any) -> int:
            return sum((b > a) - (b < a) for a, b in itertools.combinations(order, 2))

        orders = list(itertools.permutations(values))
        extreme = sum(abs(s(order)) >= abs(s(values)) for order in orders)
        assert mann_kendall(values) == pytest.approx(extreme / len(orders))


def test_ties_are_corrected_for() -> None:
    # Three groups of two equal values; 23 pairs rise and 2 fall.
    values = [10, 22, 21, 30, 22, 30, 40, 40]
    s = sum((b > a) - (b < a) for a, b in itertools.combinations(values, 2))
    variance = (8 * 7 * 21 - 3 * (2 * 1 * 9)) / 18
    assert s == 23 - 2
    assert mann_kendall(values) == pytest.approx(erfc((s - 1) / sqrt(2 * variance)))


def test_the_slope_is_the_median_of_all_pairs() -> None:
    values = [5.0, 4.0, 30.0, 2.0, 1.0, 0.0]
    slopes = [(values[j] - values[i]) / (j - i) for i, j in itertools.combinations(range(6), 2)]
    assert trend(values).slope == median(slopes)
    assert trend([5.0, 4.0, 3.0, 2.0, 1.0]).slope == -1.0


@pytest.mark.parametrize(
    ("values", "direction"),
    [
        ([], Direction.UNKNOWN),
        ([2.0, 1.0, 0.5, 0.1], Direction.UNKNOWN),
        ([5.0, 4.0, 3.0, 2.0, 1.0], Direction.FASTER),
        ([1.0, 2.0, 3.0, 4.0, 5.0], Direction.SLOWER),
        ([1.0, 3.0, 2.0, 3.1, 1.1, 2.2], Direction.NONE),
        ([2.0] * 9, Direction.NONE),
    ],
)
def test_a_trend_is_said_only_when_it_is_one(values: list[float], direction: Direction) -> None:
    assert trend(values).direction is direction


def test_noise_is_rarely_taken_for_a_trend() -> None:
    chance = random.Random(7)
    wrong = sum(trend([chance.gauss(2, 0.2) for _ in range(12)]).direction is not Direction.NONE for _ in range(1000))
    assert 10 <= wrong <= 70  # 5 % of 1,000, and it must be possible at all


# --- what is in a history ------------------------------------------------------------------------


def test_what_counts_and_what_does_not() -> None:
    records = archive(
        kept(days=9),
        kept(days=8, result=Result.INVALID, outage=0.1),
        kept(days=7, result=Result.MISSED, outage=70.0),
        kept(days=-3, outage=0.2),
        kept("another", days=1),
    )
    bad = Distrusted("20261101T000000Z-db-failover", "db-failover", "it was changed")
    value = history(Archive(records.kept, (bad,)), "db-failover", now=NOW)
    assert [each.outage for each in value.counted] == [2.0, 70.0]
    assert [each.outage for each in value.void] == [0.1]
    assert [each.outage for each in value.future] == [0.2]
    assert value.newest is not None
    assert value.newest.outage == 70.0
    assert value.best is not None
    assert value.best.outage == 2.0
    assert value.distrusted == (bad,)
    assert len(value.runs) == 4


def test_the_trend_is_over_the_last_runs_only() -> None:
    value = found(*[9.0 - each * 0.1 for each in range(30)], *[2.0] * 20)
    assert value.outage.direction is Direction.NONE
    assert value.outage.runs == 20


def test_the_slowest_step_is_of_the_drills_own_run() -> None:
    steps = (
        StepRun("main", "RB-A", "fence", "db-1", 0.0, 0.3),
        StepRun("main", "RB-A", "promote", "db-2", 0.3, 0.9),
        StepRun("main", "RB-A", "stuck", "db-2", 1.2, None),
        StepRun("afterwards", "RB-B", "rebuild", "db-1", 0.0, 99.0),
    )
    value = found(2.0, 2.0, steps=steps)
    assert value.slowest.step == "promote"
    assert [(each.part, each.step, each.usual) for each in value.steps] == [
        ("main", "fence", 0.3), ("main", "promote", 0.9), ("main", "stuck", None), ("afterwards", "rebuild", 99.0),
    ]  # fmt: skip


def test_a_step_that_is_gone_is_kept_and_is_not_the_slowest() -> None:
    old = kept(days=9, steps=(StepRun("main", "RB-A", "old", "db-1", 0.0, 9.0),))
    new = kept(days=8, steps=(StepRun("main", "RB-A", "new", "db-1", 0.0, 1.0),))
    value = history(archive(old, new), "db-failover", now=NOW)
    assert [(each.step, each.seconds) for each in value.steps] == [("new", (None, 1.0)), ("old", (9.0, None))]
    assert value.slowest is not None
    assert value.slowest.step == "new"


def test_a_changed_drill_is_marked() -> None:
    value = history(archive(kept(days=3), kept(days=2, digest="sha256:b"), kept(days=1, digest="sha256:b")),
                    "db-failover", now=NOW)  # fmt: skip
    assert value.changed == (1,)


def test_json_has_everything() -> None:
    value = to_json(found(2.0, 1.0))
    assert [each["outage"] for each in value["runs"]] == [2.0, 1.0]
    assert value["best"] == value["newest"] == value["runs"][1]["record"]
    assert value["slowest_step"] == {"runbook": "RB-FAILOVER", "step": "fence", "usual": 0.2}
    assert value["outage_trend"]["direction"] == "too few runs"
    assert to_json(history(archive(), "db-failover", now=NOW))["newest"] is None


# --- how it is shown -----------------------------------------------------------------------------


@pytest.mark.parametrize(("longest", "last"), [(0.001, 0.001), (1.86, 2.0), (4.0, 4.0), (61, 80), (7200, 8000)])
def test_axes_have_round_numbers(longest: float, last: float) -> None:
    marks = ticks(longest)
    assert marks[0] == 0
    assert marks[-1] == last
    assert marks[-1] >= longest
    assert len(marks) <= 7


HOSTILE = "</svg></title><script>alert(1)</script>&\"' [bold]x"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("outages", [(), (2.0,), (3.0, 2.0, 55.0), tuple(float(each) for each in range(1, 90))])
def test_drawing_and_page_are_well_formed_and_hold_no_markup_of_others(
    outages: tuple[float, ...], language: str
) -> None:
    steps = tuple(StepRun("main", "RB-A", f"{HOSTILE}{at}", "db-1", 0.0, 0.1) for at in range(9))
    value = found(*outages, steps=steps, title=Text(HOSTILE, HOSTILE))
    drawing = ""
    for width in WIDTHS.values():
        drawing += str(plot(value, zone=UTC, language=language, width=width))
        ET.fromstring(str(plot(value, zone=UTC, language=language, width=width)))
    html = page(value, zone=UTC, language=language)
    for text in (drawing, html):
        assert "<script" not in text
        assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert html.startswith("<!doctype html>")


def test_the_objective_is_drawn_where_it_fits_and_named_where_not() -> None:
    assert "stroke-dasharray" not in str(plot(found(2.0), zone=UTC))
    assert "the objective of 60 s lies above the drawing" in str(plot(found(2.0), zone=UTC))
    assert "stroke-dasharray" in str(plot(found(2.0, 55.0), zone=UTC))


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_the_newest_run_is_within_the_drawing_and_has_room(width: float) -> None:
    for count in (1, 4, 90):
        svg = ET.fromstring(str(plot(found(*(2.0 + at / 100 for at in range(count))), zone=UTC, width=width)))
        points = [float(each.get("cx", "")) for each in svg.iter("{http://www.w3.org/2000/svg}circle")][1:]
        assert len(points) == min(count, 40 if width > 900 else 14)
        assert all(right - left > 20 for left, right in itertools.pairwise(points))
        assert points[-1] < width - 10


def test_the_chinese_page_has_one_unit() -> None:
    html = page(found(2.0, 3.0), zone=UTC, language="zh")
    assert "2.000 秒" in html
    assert not re.search(r"\d s\b", html)


def shown(value: Any, width: int, **options: Any) -> str:
    out = StringIO()
    console = Console(file=out, width=width, markup=False, highlight=False, color_system=None)
    show_history(value, console, zone=UTC, **options)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_terminal_fits_and_needs_no_colour(width: int, language: str) -> None:
    steps = tuple(
        StepRun("main", "RB-A", name, "db-1", 0.0, 0.4) for name in ("fence", "promote", "take-address", "a-b/c-d")
    )
    text = shown(found(3.0, 2.0, 2.5, 2.4, 2.2, 1.9, steps=steps), width, language=language)
    assert all(cell_len(line) <= width for line in text.splitlines())
    bar = next(line for line in text.splitlines() if "1.900" in line and "█" in line)
    assert [each for each in "█▓▒░┃" if each in bar] == [*"█▓▒░┃"]
    assert bar.count("█") == bar.count("▓")
    assert "…" not in text


def test_the_mark_of_the_outage_is_in_scale() -> None:
    lines = [line for line in shown(found(1.0, 2.0, 4.0, steps=()), 136).splitlines() if "┃" in line and ":" in line]
    places = [line.index("┃") for line in lines]
    start = lines[0].index("s ") + 2
    assert (places[1] - start) == pytest.approx(2 * (places[0] - start), abs=1)
    assert places[2] - start == 99


def test_the_terminal_lists_what_is_not_counted_with_the_reason() -> None:
    records = archive(kept(days=5), kept(days=-2))
    bad = Distrusted("20261101T000000Z-db-failover", "db-failover", "it was changed \x1b[31m")
    text = shown(history(Archive(records.kept, (bad,)), "db-failover", now=NOW), 120)
    assert "the clock was set back" in text
    assert "20261101T000000Z-db-failover: it was changed \\u{1b}[31m" in text
    assert "Records not counted: 2" in text


def test_only_so_many_runs_are_shown() -> None:
    text = shown(found(*[2.0] * 30), 100, shown=3)
    assert sum("2.000 s" in line and "┃" in line for line in text.splitlines()) == 3


def test_a_run_that_did_not_come_back_has_no_figure() -> None:
    value = history(archive(kept(outage=None, not_back=True, result=Result.MISSED)), "db-failover", now=NOW)
    assert "not back" in shown(value, 100)
    assert "not back" in page(value, zone=UTC)
    assert value.best is None
    ET.fromstring(str(plot(value, zone=UTC)))


def test_a_run_that_is_meant_to_refuse_has_no_outage_to_speak_of() -> None:
    value = history(archive(kept(refusal=True, outage=None, steps=())), "db-failover", now=NOW)
    for text in (shown(value, 100), page(value, zone=UTC)):
        assert "to refuse" in text
        assert "RTO" not in text
    assert "objective" not in str(plot(value, zone=UTC))


def test_days_are_those_of_the_zone() -> None:
    late = history(archive(kept(days=0.5)), "db-failover", now=NOW)
    assert "2026-11-21 23:59" in shown(late, 100)
    assert "2026-11-22 07:59" in page(late, zone=ZoneInfo("Asia/Shanghai"))
