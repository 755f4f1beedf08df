"""What a review says of the CMDB: two CMDBs in, words out. Data-driven: each case is a change of the sample."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.cmdb.compare.fields import FieldChange, same
from drillbook.cmdb.load import draft
from drillbook.review.entries import CmdbChange, Kind, compare
from drillbook.review.groups import groups
from drillbook.review.inventories import compare_inventories
from drillbook.review.judgement import Judgement, judged
from drillbook.review.services import Touch, affected
from drillbook.review.telling import group_lines
from drillbook.review.words import Words
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.nested import Data, at, drop, put

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb


def load_both(folder: Path, old: Data, new: Data) -> tuple[Cmdb, Cmdb]:
    sides = []
    for name, data in (("old", old), ("new", new)):
        (folder / name).mkdir()
        sides.append(draft(write(folder / name, data))[0])
    return sides[0], sides[1]


def changed(folder: Path, new: Data, old: Data | None = None) -> CmdbChange:
    return compare(*load_both(folder, sample() if old is None else old, new))


def told(change: CmdbChange, language: str = "en") -> list[str]:
    words = Words(language)
    return [line for group in groups(change.entries) for line in group_lines(group, words)]


def c(text: str) -> str:
    return f"<code>{text}</code>"


# Where, the new value, and what is said.
ONE_FIELD = [
    (("config_items", "db-1", "rack"), "a2", f"server {c('db-1')}: rack {c('a1')} → {c('a2')}"),
    (("services", "web", "rto"), "4 h", f"service {c('web')}: RTO {c('1 h')} → {c('4 h')} **(weaker)**"),
    (("services", "web", "rto"), "30 min", f"service {c('web')}: RTO {c('1 h')} → {c('30 min')} (stronger)"),
    (("services", "web", "rto"), "60 min", f"service {c('web')}: RTO {c('1 h')} → {c('60 min')}"),
    (("services", "core", "tier"), 2, f"service {c('core')}: tier {c('1')} → {c('2')} **(weaker)**"),
    (
        ("protections", "core-pair", "replication"), "asynchronous",
        f"hot standby {c('core-pair')}: replication {c('synchronous')} → {c('asynchronous')} **(weaker)**",
    ),
    (
        ("config_items", "db-1", "warranty", "until"), "2027-01-31",
        f"server {c('db-1')}: warranty until {c('2028-06-30')} → {c('2027-01-31')} **(weaker)**",
    ),
    (
        ("config_items", "db-1", "addresses", "production"), "198.18.0.77",
        f"server {c('db-1')}: address production {c('198.18.0.11')} → {c('198.18.0.77')}",
    ),
    (
        ("services", "core", "notify"), ["dan", "sue"],
        f"service {c('core')}: told when it stops + {c('sue')}, − {c('ann')}",
    ),
    (("services", "core", "notify"), ["dan", "ann"], f"service {c('core')}: told when it stops: another order"),
    (
        ("protections", "core-pair", "settings", "encrypted"), 1,
        f"hot standby {c('core-pair')}: settings encrypted {c('true')} → {c('1')}",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("place", "value", "said"), ONE_FIELD)
def test_a_changed_field_is_told_in_words(tmp_path: Path, place: Any, value: Any, said: str) -> None:
    lines = told(changed(tmp_path, put(sample(), place, value)))
    assert [line.replace(f"address {c('production')}", "address production")
            .replace(f"settings {c('encrypted')}", "settings encrypted") for line in lines] == [said]  # fmt: skip


def test_a_field_that_went_and_one_that_came(tmp_path: Path) -> None:
    new = drop(sample(), ("config_items", "db-1", "baseline"))
    new["config_items"]["db-2"]["grade"] = "office"
    assert told(changed(tmp_path, new)) == [
        f"server {c('db-1')}: baseline {c('debian-12-db')} → *none*",
        f"server {c('db-2')}: grade *none* → {c('office')}",
    ]


def test_where_and_how_it_is_written_is_no_change(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for root in (old, new):
        root.mkdir()
        write(root, sample())
    text = (new / "cmdb.d/rest.yaml").read_text()
    (new / "cmdb.d/other.yaml").write_text(f"# moved here\n{text}")
    (new / "cmdb.d/rest.yaml").unlink()
    top = new / "cmdb.yaml"
    head, include, rest = top.read_text().partition("include:\n- cmdb.d/")
    top.write_text(head + include + rest.replace("rest.yaml", "other.yaml", 1))
    data = sample()
    data["config_items"] = dict(reversed(data["config_items"].items()))
    data["config_items"]["db-1"] = dict(reversed(data["config_items"]["db-1"].items()))
    assert not compare(draft(old)[0], draft(new)[0])
    (tmp_path / "order").mkdir()
    assert not changed(tmp_path / "order", data)


def test_one_and_true_are_two_values() -> None:
    assert not same(1, True)
    assert not same({"a": [1]}, {"a": [1.0]})
    assert same({"a": [1], "b": 2}, {"b": 2, "a": [1]})


def renamed(data: Data, section: str, old: str, new: str) -> Data:
    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {walk(key) if key == old else key: walk(each) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each) for each in value]
        return new if value == old else value

    assert old in data[section]
    result = walk(data)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize(
    ("section", "old", "new"),
    [("config_items", "db-1", "data-1"), ("services", "web", "shop"), ("people", "dan", "daniel"),
     ("media", "tape-1", "tape-0001"), ("protections", "core-tape", "core-copies")],
)  # fmt: skip
def test_a_renaming_is_one_line_and_what_follows_it_is_counted(
    tmp_path: Path, section: str, old: str, new: str
) -> None:
    change = changed(tmp_path, renamed(sample(), section, old, new))
    assert [(each.kind, each.old_id, each.id, each.fields) for each in change.entries] == [(Kind.RENAMED, old, new, ())]
    named_by = str(sample()).count(f"'{old}'") > 1
    assert bool(change.follows.get(new)) == named_by


def test_a_renaming_with_another_field_changed(tmp_path: Path) -> None:
    new = put(renamed(sample(), "config_items", "db-1", "data-1"), ("config_items", "data-1", "rack"), "a2")
    assert told(changed(tmp_path, new)) == [f"renamed: server {c('db-1')} → {c('data-1')}; rack {c('a1')} → {c('a2')}"]


def test_another_serial_number_is_another_item(tmp_path: Path) -> None:
    new = put(renamed(sample(), "config_items", "db-1", "data-1"), ("config_items", "data-1", "serial"), "C-9")
    assert {each.kind for each in changed(tmp_path, new).entries} == {Kind.ADDED, Kind.REMOVED, Kind.CHANGED}


def many(count: int) -> Data:
    data = sample()
    for number in range(count):
        data["config_items"][f"client-{number:03}"] = {
            "class": "client", "title": {"en": f"Client {number}", "zh": "终端"}, "site": "hq", "owner": "ann",
            "brand": "Cedar", "serial": f"K-{number}", "model": "old", "software": {"office": f"1.{number}"},
        }  # fmt: skip
    return data


def test_fifty_clients_with_the_same_change_are_one_line(tmp_path: Path) -> None:
    new = copy.deepcopy(many(50))
    for number in range(50):
        new["config_items"][f"client-{number:03}"]["model"] = "new"
    lines = told(changed(tmp_path, new, many(50)))
    assert len(lines) == 1
    assert lines[0].startswith(f"**50 × client**: model {c('old')} → {c('new')} <details><summary>which</summary>")
    assert all(f"client-{number:03}" in lines[0] for number in range(50))


def test_the_same_field_with_values_of_its_own_in_each_is_one_line_too(tmp_path: Path) -> None:
    new = copy.deepcopy(many(20))
    for number in range(20):
        new["config_items"][f"client-{number:03}"]["software"]["office"] = f"2.{number}"
    lines = told(changed(tmp_path, new, many(20)))
    assert len(lines) == 1
    assert lines[0].startswith(f"**20 × client**: software {c('office')} (differs from one to the next)")
    assert f"{c('1.7')} → {c('2.7')}" in lines[0]


def test_many_that_came_or_went_are_one_line(tmp_path: Path) -> None:
    assert told(changed(tmp_path, many(20)))[0].startswith("added: **20 × client** <details>")
    (tmp_path / "back").mkdir()
    assert told(changed(tmp_path / "back", sample(), many(20)))[0].startswith("removed: **20 × client** <details>")


def test_a_protection_that_goes_leaves_its_service_weaker(tmp_path: Path) -> None:
    lines = told(changed(tmp_path, drop(sample(), ("protections", "core-tape"))))
    assert lines[0].startswith(f"removed: copies {c('core-tape')}")
    assert lines[0].endswith(f"{c('core')} loses its protection **(weaker)**")


def test_in_chinese_nothing_is_english(tmp_path: Path) -> None:
    new = put(sample(), ("services", "web", "rto"), "4 h")
    assert told(changed(tmp_path, new), "zh") == [f"服务 {c('web')}：RTO {c('1 h')} → {c('4 h')} **(减弱)**"]


@pytest.mark.parametrize(
    ("section", "path", "old", "new", "verdict"),
    [
        ("policies", ("by_environment", "production", "approvals"), 2, 1, Judgement.WEAKER),
        ("policies", ("rules", "x", "approvals"), 1, 2, Judgement.STRONGER),
        ("policies", ("rules", "x"), {"approvals": 1}, None, Judgement.WEAKER),
        ("policies", ("periods", "x"), None, {"from": "2026-01-01"}, Judgement.STRONGER),
        ("media", ("keep_until",), "2030-01-01", "2029-12-31", Judgement.WEAKER),
        ("services", ("rto",), "1 h", "soon", Judgement.NEUTRAL),
        ("services", ("tier",), 1, True, Judgement.NEUTRAL),
        ("services", ("owner",), "ann", "dan", Judgement.NEUTRAL),
    ],
)
def test_what_is_weaker(section: str, path: tuple[str, ...], old: Any, new: Any, verdict: Judgement) -> None:
    assert judged(section, FieldChange(path, old, new)) is verdict


def touched(folder: Path, new: Data) -> dict[str, tuple[Touch, tuple[str, ...]]]:
    old_side, new_side = load_both(folder, sample(), new)
    found = affected(old_side, new_side, compare(old_side, new_side), valid=True)
    return {each.id: (each.touch, each.via) for each in found}


def test_services_are_found_through_the_graph(tmp_path: Path) -> None:
    found = touched(tmp_path, put(sample(), ("config_items", "ups-1", "room"), "room-b"))
    assert found["core"] == (Touch.RECOVERS, ("ups-1", "db-1", "core"))


def test_a_standby_that_changes_lays_its_service_bare(tmp_path: Path) -> None:
    found = touched(tmp_path, put(sample(), ("config_items", "db-2", "rack"), "x9"))
    assert found["core"][0] is Touch.EXPOSED


def test_a_change_of_words_touches_no_service(tmp_path: Path) -> None:
    assert not touched(tmp_path, put(sample(), ("config_items", "db-1", "owner"), "dan"))


def test_objectives_alone_take_nothing_down(tmp_path: Path) -> None:
    found = touched(tmp_path, put(sample(), ("services", "web", "rto"), "2 h"))
    assert found == {"web": (Touch.PROMISED, ("web",))}


def test_inventories_say_which_hosts_differ(tmp_path: Path) -> None:
    new = put(sample(), ("config_items", "db-1", "ssh", "port"), 2222)
    del new["config_items"]["spare-1"]["addresses"]["production"]
    new["config_items"]["tapes-1"]["os"] = {"family": "unix", "name": "debian", "version": "12"}
    new["config_items"]["tapes-1"]["addresses"] = {"production": "198.18.0.40"}
    found = {each.environment: each for each in compare_inventories(*load_both(tmp_path, sample(), new))}
    production = found["production"]
    assert (production.added, production.removed) == (("tapes-1",), ("spare-1",))
    assert production.changed == {"db-1": (FieldChange(("port",), 22, 2222),)}
    assert found["lab"].changed.keys() == {"db-1"}
    assert at(new, ("config_items", "db-1", "ssh", "port")) == 2222
