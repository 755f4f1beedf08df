"""What is said to be surely untouched is: held against YAML itself, over random edits."""

from __future__ import annotations

import hashlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.audit.entries import entries_of
from drillbook.audit.untouched import Untouched
from drillbook.errors import InvalidInput
from drillbook.source import parse_strictly
from tests.audit_help import item, items

BASE = items(item("db-1", serial="S-1"), item("db-2", serial="S-2"), item("db-3", serial="S-3")) + items(
    item("x-1"), section="spares"
)


def sure(old: str, new: str, id_: str = "db-2") -> bool:
    sides = {
        name: (hashlib.sha256(text.encode()).hexdigest(), text.encode()) for name, text in (("old", old), ("new", new))
    }
    return Untouched().sure(id_, old=sides["old"], new=sides["new"])


@pytest.mark.parametrize("other", ["db-1", "db-3"])
def test_another_entrys_field_is_seen_to_be_another_entrys(other: str) -> None:
    changed = BASE.replace(item(other, serial=f"S-{other[-1]}"), item(other, serial="S-99", owner="bob"))
    assert changed != BASE
    assert sure(BASE, changed)
    assert not sure(BASE, changed, other)


def test_a_whole_entry_beside_it_may_come_and_go() -> None:
    assert sure(BASE, BASE.replace("  db-3:\n", item("db-4", serial="S-4") + "  db-3:\n"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    owner: ann\n    brand: Cedar\n    grade: enterprise\n    serial: S-2\n", ""),
        ("  db-2:\n", "spares:\n  db-2:\n"),
        ("  db-2:\n", "  other:\n"),
        ("  db-1:\n", '  db-1:\n    note: "\n  db-1b:\n    x: "\n'),
        ("  db-1:\n", "  db-1:\n    note: {a: [\n"),
        ("  db-1:\n", "  db-1:\n    note: |\n"),
        ("  db-1:\n", "---\n  db-1:\n"),
        ("config_items:\n", "config_items: &a\n"),
        ("  db-1:\n", '  "db-\\x32": {}\n  db-1:\n'),
    ],
)
def test_what_could_touch_it_is_read(old: str, new: str) -> None:
    assert old in BASE
    assert not sure(BASE, BASE.replace(old, new))


def test_a_quote_over_several_lines_hides_nothing() -> None:
    """Below the second key, by indentation; within the first one's quoted text, in truth."""
    hidden = '  db-2:\n    note: "\n  other:\n    owner: {}\n    "\n'
    assert not sure(items(hidden.format("ann")), items(hidden.format("bob")))


LINES = [
    *BASE.splitlines(),
    '    note: "', "    note: '", "    note: {a: [", "    ]}", "  db-2: {class: host}", "spares:", "    note: |",
    "      text: x", "# comment", "", "\ttab: x", "    it: Ann's", '    "db-2": x', "    a: {b: 'x', c: [1, 2]}",
    "    - one", "  - db-2", "- two", "    db-2:", '      x: "y"  # why', "   odd: 1", '    z: "a\\u0031"', "...",
    "    plain text", '    w: a"b{c', '    v: {a: x"}", b: y}',
]  # fmt: skip


def entry(text: str) -> object:
    try:
        document = parse_strictly(text, shown_as="x")
    except (InvalidInput, yaml.YAMLError):
        return None
    return [(each.section, each.fields) for each in entries_of(document, "x") if each.id == "db-2"]


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, str]:
    lines = draw(st.lists(st.sampled_from(LINES), max_size=12))
    before = draw(st.sampled_from([BASE.splitlines(), lines]))
    after = list(before)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(after)))
        until = draw(st.integers(at, min(len(after), at + 2)))
        after[at:until] = draw(st.lists(st.sampled_from(LINES), max_size=2))
    end = draw(st.sampled_from(["\n", ""]))
    return "\n".join(before) + end, "\n".join(after) + end


@settings(max_examples=500, deadline=None)
@given(edits())
def test_what_is_sure_is_so(pair: tuple[str, str]) -> None:
    old, new = pair
    before, after = entry(old), entry(new)
    if before is None or after is None:  # no YAML: nothing is known of its entries
        return
    if sure(old, new):
        assert before == after


@settings(max_examples=500, deadline=None)
@given(edits())
def test_an_entrys_own_lines_say_what_the_file_says_of_it(pair: tuple[str, str]) -> None:
    look = Untouched()
    old, new = ((name, text.encode()) for name, text in zip(("old", "new"), pair, strict=True))
    look.sure("db-2", old=old, new=new)
    for text, version in zip(pair, (old, new), strict=True):
        block = look.block("db-2", version)
        whole = entry(text)
        if block is not None and whole is not None:
            assert entry(block.decode()) == whole


def test_an_entrys_own_lines_are_found() -> None:
    look = Untouched()
    text = ("one", BASE.encode())
    look.sure("db-2", old=text, new=("two", BASE.replace("S-2", "S-9").encode()))
    assert look.block("db-2", text) == ("config_items:\n" + item("db-2", serial="S-2")).encode()
    assert look.block("x-1", text) == items(item("x-1"), section="spares").encode()
