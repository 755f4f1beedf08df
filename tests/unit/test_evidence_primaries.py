"""At most one primary: against an oracle that tries every course of events."""

from __future__ import annotations

from itertools import pairwise, product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from drillbook.evidence.primaries import Ack, Promotion, acks_of, violations
from drillbook.evidence.samples import ClockOffset
from tests.evidence_values import MS, STEADY, S, series


def ack(host: str, sent: int, done: int) -> Ack:
    return Ack(host, f"at-{host}", sent, sent, done)


TO_B = Promotion("b", 100, 120)
BACK_TO_A = Promotion("a", 200, 220)

CASES = {
    "before and after": ("a", [TO_B], [ack("a", 0, 5), ack("a", 90, 95), ack("b", 121, 125)], []),
    "the new one answers while its promotion is under way": ("a", [TO_B], [ack("b", 105, 110)], []),
    "a write to the old one that was sent before": ("a", [TO_B], [ack("b", 105, 110), ack("a", 104, 150)], []),
    "a write to the old one that was sent after the first answer of the new one": (
        "a", [TO_B], [ack("b", 105, 110), ack("a", 111, 112)], [111],
    ),
    "a write to the old one after the promotion is done, before the new one answered anybody": (
        "a", [TO_B], [ack("a", 121, 122)], [121],
    ),
    "a promotion of which the end is not known proves nothing by itself": (
        "a", [Promotion("b", 100, None)], [ack("a", 500, 501)], [],
    ),
    "but with an answer it does": ("a", [Promotion("b", 100, None)], [ack("b", 300, 310), ack("a", 500, 501)], [500]),
    "the standby answers before it is promoted": ("a", [TO_B], [ack("b", 50, 60)], [50]),
    "the standby answers and nothing was promoted": ("a", [], [ack("a", 1, 2), ack("b", 50, 60)], [50]),
    "there and back": ("a", [TO_B, BACK_TO_A], [ack("a", 1, 2), ack("b", 130, 140), ack("a", 230, 240)], []),
    "there and back, and then there again without a promotion": (
        "a", [TO_B, BACK_TO_A], [ack("b", 130, 140), ack("a", 230, 240), ack("b", 300, 310)], [300],
    ),
    "in the reign of the other, between two of its own": (
        "a", [TO_B, BACK_TO_A], [ack("a", 50, 60), ack("b", 130, 140), ack("a", 150, 160)], [150],
    ),
    "a promotion of what is the primary already": ("a", [Promotion("a", 10, 20)], [ack("a", 30, 40)], []),
    "a promotion without effect, then one of another": (
        "a", [Promotion("b", 10, None), Promotion("c", 100, 110)], [ack("a", 50, 60), ack("c", 120, 130)], [],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("first", "promotions", "acks", "wrong"), CASES.values(), ids=CASES.keys())
def test_what_is_proved_and_what_is_not(first, promotions, acks, wrong):
    assert [each.ack.sent for each in violations(first, promotions, acks)] == wrong


def explained(first: str, promotions: list[Promotion], acks: list[Ack]) -> bool:
    """Try every moment of every promotion: is there a course that explains every write?"""
    moments = [range(each.started, (60 if each.finished is None else each.finished) + 1) for each in promotions]
    hosts = [first, *(each.item for each in promotions)]
    for course in product(*moments):
        if any(before > after for before, after in pairwise(course)):
            continue
        edges = [-1, *course, 1000]
        if all(
            any(
                host == each.host and each.sent <= end and each.done >= begin
                for host, (begin, end) in zip(hosts, pairwise(edges), strict=True)
            )
            for each in acks
        ):
            return True
    return False


@st.composite
def courses(draw):
    """Promotions that take turns, apart by more than any write takes, and writes at any time."""
    count = draw(st.integers(0, 3))
    starts = [draw(st.integers(15 * n, 15 * n + 5)) for n in range(1, count + 1)]
    promotions = [
        Promotion("b" if n % 2 == 0 else "a", start, draw(st.sampled_from([None, start + draw(st.integers(0, 5))])))
        for n, start in enumerate(starts)
    ]
    # One that is not known to have ended is followed by nothing that needs it to have had no effect.
    assume(all(each.finished is not None for each in promotions[:-1]))
    acks = [
        ack(draw(st.sampled_from("ab")), sent, sent + draw(st.integers(0, 4)))
        for sent in draw(st.lists(st.integers(0, 60), max_size=6))
    ]
    return promotions, acks


@settings(max_examples=400, deadline=None)
@given(courses())
def test_a_second_primary_is_found_just_when_no_course_of_events_explains_the_writes(course):
    promotions, acks = course
    assert (not violations("a", promotions, acks)) == explained("a", promotions, acks)


def test_only_writers_that_went_straight_to_a_host_count_and_uncertain_clocks_widen():
    direct = series("at-a", "a", until=STEADY - S + 20 * MS).on_clock(ClockOffset(0, 3, "measured"))
    users = series("users", "service_address", until=STEADY)
    found = acks_of([users, direct], ["a", "b"])
    assert [(each.host, each.writer, each.seq) for each in found] == [("a", "at-a", 1), ("a", "at-a", 2)]
    assert found[0].sent == STEADY - S - 3
    assert found[0].done == STEADY - S + MS + 3
