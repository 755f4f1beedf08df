"""Whatever stands in a record, its page stays the page that we made: no text of it becomes markup."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drillbook.errors import JournalError
from drillbook.evidence.page import page
from drillbook.evidence.summary import summary
from drillbook.evidence.to_json import to_json
from drillbook.plan.model import Command
from drillbook.runbook.model import Text
from drillbook.text import forbidden_character
from tests.evidence_pages import assert_harmless, with_texts
from tests.evidence_values import journal, observed, plan, result, rows_of, service

HOSTILE = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    '"><svg onload=alert(1)>',
    "'\"><img src=x onerror=alert(1)>",
    "</text></svg><script>alert(1)</script>",
    "]]><!-- --><![CDATA[<x>",
    "<!--",
    "{{ 7*7 }}{% for x in () %}{{ cycler.__init__.__globals__ }}",
    "&lt;script&gt;&#60;b&#62;&amp",
    "\u202egnihtemos \u2066\u2069",
    "\x00\x08\x1b[31m\x7f\x85",
    "\ud800",
    "\u2028\u2029\n\r\t",
    "\ufeff\u200b\U000e0041",
    "javascript:alert(1)",
    "x" * 10_000,
    "<" * 10_000,
    "数" * 10_000,
)
# A lone surrogate has no bytes, so no plan with one can be digested.
MARKUP = "<>&\"'{}%#/!-= ax\u202e\n"
PLANNED = [text for text in HOSTILE if text != "\ud800"]


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    """A record that has something of everything: a missed drill with lost writes."""
    seen = observed()
    rows = replace(rows_of(*seen.series), ranges={**rows_of(*seen.series).ranges, "users": ((1, 390),)})
    seen = replace(seen, rows=rows)
    value = result(seen, services=(service(seen, objectives_reason=Text("because", "因为")),))
    folder = tmp_path_factory.mktemp("record")
    return to_json(value, {"run-1": journal(folder).read_bytes()})


def hostile_plan(text):
    """A plan whose every text, argument and script is this text."""
    both = Text(text, "中" + text)
    steps = tuple(
        replace(step, title=both, action=Command((text, "--", text), text, text), item=text) for step in plan().steps
    )
    return replace(plan(), title=both, steps=steps, parameters={text: text}, runbook=text)


def skeleton(record, text):
    """Give the elements of the page; a name in a drawing counts once, because a long one takes two rows."""
    found = assert_harmless(page(with_texts(record, text), {})).skeleton
    return [each for number, each in enumerate(found) if each[0] != "text" or number == 0 or found[number - 1] != each]


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(text)[:30] for text in HOSTILE])
def test_no_text_becomes_markup(record, text):
    assert skeleton(record, text) == skeleton(record, "harmless")
    summary(with_texts(record, text)).encode("utf-8", "surrogatepass")


@settings(max_examples=60, deadline=None)
@given(text=st.text(min_size=1, max_size=60) | st.text(alphabet=MARKUP, min_size=1, max_size=60))
def test_no_text_that_anybody_thinks_of_becomes_markup(record, text):
    assert skeleton(record, text) == skeleton(record, "harmless")


@pytest.mark.parametrize("text", PLANNED, ids=[ascii(text)[:30] for text in PLANNED])
def test_no_command_of_a_plan_becomes_markup(record, text):
    html = page(record, {"run-1": hostile_plan(text)})
    shown = assert_harmless(html)
    rows = "\n".join(shown.text).replace("\n", "")
    assert forbidden_character(rows) is None


def test_what_is_shown_holds_no_character_that_moves_other_text(record):
    for text in HOSTILE:
        shown = "".join(assert_harmless(page(with_texts(record, text), {})).text)
        assert forbidden_character(shown, multiline=True) is None


def test_a_template_in_a_record_stays_as_it_was_written(record):
    shown = "".join(assert_harmless(page(with_texts(record, "{{ 'z' * 9 }}"), {})).text)
    assert "{{ 'z' * 9 }}" in shown
    assert "z" * 9 not in shown


NUMBERS = st.sampled_from([0, -1, 1, 1e-300, 1e300, -1e300, 1e17, 1e17 + 16, 0.1, -0.1, 3.0000001, 2**70])


def with_numbers(value, draw):
    """Put drawn numbers in the place of all numbers but those that the schema fixes."""
    if isinstance(value, dict):
        return {
            key: each if key in ("format", "exit_code") else with_numbers(each, draw) for key, each in value.items()
        }
    if isinstance(value, list):
        return [with_numbers(each, draw) for each in value]
    if isinstance(value, int | float) and not isinstance(value, bool) and draw(st.booleans()):
        return draw(NUMBERS)
    return value


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_number_breaks_the_page(record, data):
    """Whatever numbers stand in a record, its page is made or it is refused in one sentence; soon, and well-formed."""
    small = {**record, "seen": {**record["seen"], "latency": shortened(record["seen"]["latency"])}}
    try:
        html = page(with_numbers(small, data.draw), {})
    except JournalError:
        return
    assert_harmless(html)


def shortened(latency):
    return {**latency, "median_ms": latency["median_ms"][:9], "longest_ms": latency["longest_ms"][:9]}
