"""Entries compared: fields, what is one thing under two ids, and both sides in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from drillbook.cmdb.compare.fields import FieldChange, differences
from drillbook.cmdb.compare.likeness import candidates, renamings
from drillbook.cmdb.compare.words import before_and_after, gained_and_lost, value_words
from drillbook.cmdb.words import path_words


@dataclass(frozen=True)
class Made:
    id: str
    fields: dict[str, Any] = field(default_factory=dict)
    section: str = "config_items"


FIELDS = {"class": "host", "site": "hq", "owner": "ann", "brand": "Cedar", "rack": "a1"}


def made(id_: str, section: str = "config_items", **fields: Any) -> Made:
    return Made(id_, {**FIELDS, **fields}, section)


@pytest.mark.parametrize(
    ("gone", "came", "pairs"),
    [
        # The mark decides, whatever else differs, and of one brand only.
        ([made("a", serial="1")], [Made("b", {"serial": "1", "brand": "Cedar"})], [("a", "b")]),
        ([made("a", barcode="1")], [Made("b", {"barcode": "1"})], [("a", "b")]),
        ([made("a", serial="1")], [made("b", serial="2")], []),
        ([made("a", barcode="1")], [made("b", barcode="2")], []),
        ([made("a", serial="1")], [Made("b", {"serial": "1", "brand": "Oak"})], []),
        ([made("a", serial="1")], [made("b", serial="1", brand="Oak")], [("a", "b")]),
        # Equal fields are more than nearly equal ones.
        ([made("a"), made("b", rack="a2")], [made("x", rack="a2"), made("y")], [("a", "y"), ("b", "x")]),
        ([made("a")], [made("x", rack="a9")], [("a", "x")]),
        ([made("a")], [made("x", rack="a9", owner="eve")], []),
        # What could be two is none.
        ([made("a")], [made("x"), made("y")], []),
        ([made("a"), made("b")], [made("x")], []),
        ([made("a", rack="a2"), made("b", rack="a3")], [made("x")], []),
        # Another section, and too little to tell by.
        ([made("a")], [made("x", section="spares")], []),
        ([Made("a", {"kind": "lab"})], [Made("x", {"kind": "lab"})], []),
    ],
)
def test_renamings(gone: list[Made], came: list[Made], pairs: list[tuple[str, str]]) -> None:
    assert sorted((old.id, new.id) for old, new in renamings(gone, came)) == pairs
    for side, other in ((gone, came), (came, gone)):
        for one in side:
            in_doubt = {each.id for each in candidates(one, other)}
            assert all(({old, new} - {one.id}) <= in_doubt for old, new in pairs if one.id in (old, new))


def test_more_pairs_than_can_be_looked_at_are_told_by_marks_and_equal_fields_alone() -> None:
    gone = [made(f"a-{n}", rack=f"r{n}", note="old") for n in range(101)] + [made("one", serial="1")]
    came = [made(f"b-{n}", rack=f"r{n}", note="new") for n in range(101)] + [
        Made("two", {"serial": "1", "brand": "Cedar"})
    ]
    assert [(old.id, new.id) for old, new in renamings(gone, came)] == [("one", "two")]


@pytest.mark.parametrize(
    ("old", "new", "whole", "apart"),
    [
        ({}, {"os": {"name": "x", "more": {}}}, [(("os",), None, {"name": "x", "more": {}})],
         [(("os", "name"), None, "x"), (("os", "more"), None, {})]),
        ({"os": {"name": "x"}}, {}, [(("os",), {"name": "x"}, None)], [(("os", "name"), "x", None)]),
        ({}, {"os": {}}, [(("os",), None, {})], [(("os",), None, {})]),
        ({"os": "x"}, {"os": {"name": "x"}}, [(("os",), "x", {"name": "x"})], [(("os",), "x", {"name": "x"})]),
        ({"os": {}}, {"os": {"name": "x"}}, [(("os", "name"), None, "x")], [(("os", "name"), None, "x")]),
    ],
)  # fmt: skip
def test_mappings_that_come_and_go(old: Any, new: Any, whole: Any, apart: Any) -> None:
    assert list(differences(old, new)) == [FieldChange(*each) for each in whole]
    assert list(differences(old, new, apart=True)) == [FieldChange(*each) for each in apart]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "–"),
        ("", "''"),
        ("  ", "'  '"),
        (True, "true"),
        (1.5, "1.5"),
        ({"a": [1, {"b": ""}]}, "{a: [1, {b: ''}]}"),
    ],
)
def test_a_value_in_words(value: Any, said: str) -> None:
    assert value_words(value) == said


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("12", 12, ('"12"', "12")),
        (True, "true", ("true", '"true"')),
        (["1"], [1], ('["1"]', "[1]")),
        (None, "–", ("null", '"–"')),
        ("a", "b", ("a", "b")),
        ("x" * 50 + "a", "x" * 50 + "b", ("…" + "x" * 20 + "a", "…" + "x" * 20 + "b")),
        ("x" * 50, "x" * 51, ("…" + "x" * 20, "…" + "x" * 21)),
        (["a", "b"], ["b", "c"], ("− [a]", "+ [c]")),
        (["a"], ["a", "b"], ("…", "+ [b]")),
        (["a", "b"], ["b", "a"], ("[a, b]", "[b, a]")),
        ([1, 2], [True, 2], ("− [1]", "+ [true]")),
        (["a"], ["b"], ("[a]", "[b]")),
    ],
)
def test_both_sides_show_what_differs(old: Any, new: Any, said: tuple[str, str]) -> None:
    assert gained_and_lost(old, new, limit=40) == said
    one, other = before_and_after(old, new, limit=40)
    assert one[:40] != other[:40]


def test_a_fields_name_in_both_languages() -> None:
    assert path_words(("warranty", "until")) == ("warranty until", "保修 截止")
    assert path_words(("software", "office")) == ("software office", "软件 office")
