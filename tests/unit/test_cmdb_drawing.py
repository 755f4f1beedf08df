"""Drawings of services and sites: what they say, that nothing overlaps, that no value becomes syntax."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invoke import Context

from drillbook.cmdb.drawing import draw
from drillbook.cmdb.drawing.layout import arrange
from drillbook.cmdb.drawing.words import Words
from drillbook.cmdb.load import SCHEMA, load
from drillbook.errors import ExitCode, UsageError
from drillbook.tasks import cmdb as tasks
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.nested import put

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def estate() -> Cmdb:
    return load(ROOT)


def _read(text: str) -> ET.Element:
    return ET.fromstring(text)


def _texts(text: str) -> list[str]:
    return [each.text or "" for each in _read(text).iter(f"{SVG}text")]


def _cards(text: str) -> list[tuple[float, float, float, float]]:
    """Give left, top, right and bottom of each card."""
    found = []
    for rect in _read(text).iter(f"{SVG}rect"):
        if rect.get("rx") == "7":
            x, y, width, height = (float(rect.get(name, "")) for name in ("x", "y", "width", "height"))
            found.append((x, y, x + width, y + height))
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_service_and_site_can_be_drawn(language: str, estate: Cmdb) -> None:
    for section in (estate.services, estate.sites):
        for entry in section:
            text = draw(estate, entry.id, language)
            assert entry.get("title")[language] in _texts(text)
            cards = _cards(text)
            for number, (left, top, right, bottom) in enumerate(cards):
                width, height = (float(_read(text).get(name, "")) for name in ("width", "height"))
                assert 0 <= left < right <= width, entry.id
                assert 0 <= top < bottom <= height, entry.id
                for other in cards[number + 1 :]:
                    apart = right < other[0] or other[2] < left or bottom < other[1] or other[3] < top
                    assert apart, f"{entry.id}: two cards overlap"


def test_a_service_shows_what_protects_it_what_it_needs_and_what_needs_it(estate: Cmdb) -> None:
    texts = _texts(draw(estate, "core-business"))
    assert "core-db-1 ⇄ core-db-2" in texts
    assert "server · hot standby, synchronous · Computer room A / Standby room B" in texts
    assert "core-db-1 ← tape-lib-1" in texts
    assert "sw-core-a ⇄ sw-core-b" in texts, "of what it needs"
    assert texts.count("tier 1") >= 2
    assert texts.index("What needs it") < texts.index("What it needs")
    assert texts.index("order-entry") < texts.index("core-business") < texts.index("hq-network")
    assert "29 services" in texts, "the counters are alike"


def test_what_nothing_protects_is_said_in_words(estate: Cmdb) -> None:
    texts = _texts(draw(estate, "branch-07-counter"))
    assert "switch · nothing takes over · Equipment closet" in texts
    assert "items without protection: 1" in texts
    assert "branch-07-rtr-1 ← spare-rtr-3" in texts


def test_a_site_counts_what_stands_in_its_rooms(estate: Cmdb) -> None:
    texts = _texts(draw(estate, "hq"))
    hosts = [each for each in estate.config_items if each.get("room") == "hq-room-a" and each.get("class") == "host"]
    assert f"{len(hosts)} × server" in texts
    assert {"Computer room A", "Standby room B", "If it is lost"} <= set(texts)
    assert any(each.startswith("core-business · ") for each in texts)
    assert not any("client-0" in each for each in texts), "clients are counted, not drawn"
    assert len(_cards(draw(estate, "hq"))) < 20


def test_the_same_cmdb_gives_the_same_drawing(estate: Cmdb) -> None:
    assert draw(estate, "hq-network") == draw(load(ROOT), "hq-network")


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><svg onload="x', "]]>", "&amp;", "a' b=\"c", "<!--", "🖥 文字 \u0645"]
)
def test_no_value_becomes_syntax(text: str, tmp_path: Path) -> None:
    data = sample()
    for place in (("services", "core"), ("services", "web"), ("sites", "hq"), ("sites", "hq", "rooms", "room-a")):
        put(data, (*place, "title", "en"), text)
    put(data, ("services", "core", "hours"), text)
    put(data, ("organisation",), text)
    cmdb = load(write(tmp_path, data))
    for id_ in ("core", "web", "hq"):
        drawn = draw(cmdb, id_)
        assert text in _texts(drawn), "as it is"
        assert {each.tag for each in _read(drawn).iter()} <= {
            f"{SVG}{name}" for name in ("svg", "title", "rect", "text", "path", "g", "circle")
        }  # fmt: skip
        assert not any(name.startswith("on") for each in _read(drawn).iter() for name in each.attrib)


def test_an_estate_of_little(tmp_path: Path) -> None:
    data = sample()
    put(data, ("sites", "shed"), {"title": {"en": "Shed", "zh": "棚"}, "kind": "branch"})
    cmdb = load(write(tmp_path, data))
    assert "Shed" in _texts(draw(cmdb, "shed"))
    for each in (*cmdb.services.ids(), *cmdb.sites.ids()):
        assert draw(cmdb, each, "zh")


@pytest.mark.parametrize(("what", "language"), [("nothing", "en"), ("core-db-1", "en"), ("mail", "fr"), ("", "en")])
def test_what_cannot_be_drawn(what: str, language: str, estate: Cmdb) -> None:
    with pytest.raises(UsageError) as caught:
        draw(estate, what, language)
    assert caught.value.remedy


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_boxes_of_a_layer_never_overlap(data: st.DataObject) -> None:
    layers = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    layer_of = {f"{level}.{number}": level for level, count in enumerate(layers) for number in range(count)}
    widths = {box: data.draw(st.floats(20, 400)) for box in layer_of}
    pairs = [(a, b) for a in layer_of for b in layer_of if layer_of[a] < layer_of[b]]
    lines = data.draw(st.lists(st.sampled_from(pairs), max_size=15, unique=True)) if pairs else []
    layout = arrange(widths, layer_of, lines)
    for level, row in enumerate(layout.layers):
        assert {box for box in layer_of if layer_of[box] == level} == set(row)
        for left, right in pairwise(row):
            assert layout.left[left] + widths[left] <= layout.left[right]
    for box, width in widths.items():
        assert -0.01 <= layout.left[box] <= layout.width - width + 0.01
    for (upper, lower), way in layout.lines.items():
        assert len(way) == layer_of[lower] - layer_of[upper] + 1


def test_the_task_writes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write(tmp_path, sample()))
    tasks.graph(Context(), "core")
    path = tmp_path / ".drillbook/graphs/core.svg"
    assert str(path) in capsys.readouterr().out.replace("\n", "")
    assert _read(path.read_text()).tag == f"{SVG}svg"
    tasks.graph(Context(), "hq", out="deep/er/hq.svg", lang="zh")
    assert re.search("[\u4e00-\u9fff]", (tmp_path / "deep/er/hq.svg").read_text())
    for what, code in (("hq-", ExitCode.USAGE), ("../core", ExitCode.USAGE)):
        with pytest.raises(SystemExit) as caught:
            tasks.graph(Context(), what)
        assert caught.value.code == code
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as caught:
        tasks.graph(Context(), "core", out="file/x.svg")
    assert caught.value.code == ExitCode.USAGE
    assert "cannot be written" in capsys.readouterr().err


def test_every_class_of_the_schema_has_a_word_in_both_languages() -> None:
    classes = json.loads(SCHEMA.read_text())["$defs"]["class"]["enum"]
    for language in ("en", "zh"):
        words = [Words(language).class_(each) for each in classes]
        assert len(set(words)) == len(classes)
