"""Finding items: each question held against the whole list, and what a person and a program are given."""

from __future__ import annotations

import json
import re
from collections import deque
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoke import Context
from rich.cells import cell_len

from drillbook.cmdb.find import Part, Query, as_data, day, find
from drillbook.cmdb.load import load
from drillbook.console.output import console
from drillbook.errors import ExitCode, UsageError
from drillbook.tasks import cmdb as tasks
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.nested import drop, put

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def estate() -> Cmdb:
    return load(ROOT)


def _ids(cmdb: Cmdb, **query: Any) -> list[str]:
    return [each.item.id for each in find(cmdb, Query(**query))]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"class_": "host"}, ["db-1", "db-2", "web-1", "spare-1"]),
        ({"place": "room-a"}, ["db-1", "web-1", "ups-1"]),
        ({"place": "room-a/a2"}, ["web-1"]),
        ({"owner": "ann", "class_": "ups"}, ["ups-1"]),
        ({"vendor": "cedar"}, ["db-1"]),
        ({"warranty_before": date(2028, 7, 1)}, ["db-1"]),
        ({"warranty_before": date(2028, 6, 30)}, []),  # it ends on that day, not before
        ({"warranty_after": date(2028, 6, 29)}, ["db-1"]),
        ({"warranty_after": date(2028, 6, 30)}, []),
        ({"contract_before": date(2028, 1, 1)}, ["db-1"]),
        ({"contract_after": date(2028, 1, 1)}, []),
        ({"class_": "host", "place": "room-b", "service": "core"}, ["db-2"]),
    ],
)
def test_what_is_asked_is_found(query: dict[str, Any], ids: list[str], tmp_path: Path) -> None:
    data = put(sample(), ("config_items", "db-1", "warranty", "until"), "2028-06-30")
    put(data, ("vendors", "cedar", "contracts", "servers", "until"), "2027-12-31")
    assert _ids(load(write(tmp_path, data)), **query) == ids


def test_what_a_service_needs_and_how(tmp_path: Path) -> None:
    found = find(load(write(tmp_path, sample())), Query(service="web"))
    assert [(each.item.id, each.part, each.through) for each in found] == [
        ("web-1", Part.PROVIDES, ()),
        ("db-1", Part.NEEDED, ("core",)),
        ("db-2", Part.NEEDED, ("core",)),
        ("ups-1", Part.NEEDED, ("core", "db-1")),
        ("tapes-1", Part.PROTECTS, ("core",)),
        ("spare-1", Part.PROTECTS, ()),
    ]


@given(data=st.data())
def test_a_service_needs_all_that_can_be_reached_from_it(data: st.DataObject, estate: Cmdb) -> None:
    service = data.draw(st.sampled_from(estate.services.ids()))
    reached, open_ = {service}, deque([service])
    while open_:
        entry = estate.find(open_.popleft())
        for each in (*entry.get("provided_by", ()), *entry.get("depends_on", ())):
            if each not in reached:
                reached.add(each)
                open_.append(each)
    found = find(estate, Query(service=service))
    assert {each.item.id for each in found if each.part is not Part.PROTECTS} == reached & set(
        estate.config_items.ids()
    )
    assert len({each.item.id for each in found}) == len(found)
    for each in found:
        way = (service, *each.through, each.item.id)
        for upper, lower in pairwise(way):
            entry = estate.find(upper)
            below = {*entry.get("provided_by", ()), *entry.get("depends_on", ())}
            for protection in estate.protections:
                if protection.get("service") == upper:
                    below |= set(protection.get("members").values())
            assert lower in below


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"class_": "hosts"}, "there is no class 'hosts'.*did you mean 'host'"),
        ({"place": "branch-7"}, "there is no site, room or rack 'branch-7'.*'branch-27'"),
        ({"place": "hq-room-a/a99"}, "a99'.*hq-room-a/a"),
        ({"service": "core"}, "there is no service 'core'"),
        ({"owner": "sun-lie"}, "there is no owner 'sun-lie'.*'sun-lei'"),
        ({"vendor": "cedar"}, "there is no vendor 'cedar'"),
    ],
)
def test_a_wrong_name_brings_the_nearest(query: dict[str, str], says: str, estate: Cmdb) -> None:
    with pytest.raises(UsageError) as caught:
        find(estate, Query(**query))  # type: ignore[arg-type]
    said = f"{caught.value.message} {caught.value.remedy}"
    assert re.search(says, said), said


@pytest.mark.parametrize("text", ["2027-02-30", "tomorrow", "27-1-1", ""])
def test_a_day_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="--warranty-before"):
        day(text, "--warranty-before")


def test_an_item_of_which_little_is_known_is_found_by_nothing_that_it_has_not(tmp_path: Path) -> None:
    data = sample()
    for field in ("warranty", "contract", "vendor"):
        drop(data, ("config_items", "db-1", field))
    cmdb = load(write(tmp_path, data))
    assert _ids(cmdb, warranty_after=date(1, 1, 1)) == _ids(cmdb, contract_after=date(1, 1, 1)) == []
    (found,) = (each for each in find(cmdb, Query()) if each.item.id == "db-1")
    written = json.loads(json.dumps(as_data(cmdb, found)))
    assert written["warranty"] is written["contract_until"] is None


def _said(capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    tasks.find_(Context(), **options)
    return capsys.readouterr().out


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(console, "_width", 100)
    monkeypatch.setattr(console, "soft_wrap", False)


@pytest.mark.usefixtures("terminal")
def test_a_table_for_people(estate: Cmdb, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _said(capsys, class_="client", site="hq").splitlines()
    assert lines[0].split() == ["item", "place", "brand", "and", "model", "warranty", "owner"], "all are clients"
    count = len(_ids(estate, class_="client", place="hq"))
    assert lines[-1].startswith(f"{count} items: {count} client")
    assert len(lines) == count + 3, "one line each, a heading, a count"
    assert max(map(cell_len, lines)) <= 100
    assert "0 items" in _said(capsys, class_="ups", warranty_before="2001-01-01")


@pytest.mark.usefixtures("terminal")
def test_a_library_restores_and_does_not_take_over(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _said(capsys, service="core-business").splitlines()
    assert any(re.search(r"^tape-lib-1 .* restores$", line.rstrip()) for line in lines)
    assert not any(line.startswith("tape-lib-1") and "takes over" in line for line in lines)


@pytest.mark.usefixtures("terminal")
def test_ids_and_json_for_programs(estate: Cmdb, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = _ids(estate, service="mail")
    assert _said(capsys, service="mail", ids=True).split() == wanted
    written = json.loads(_said(capsys, service="mail", json=True))
    assert [each["id"] for each in written] == wanted
    assert {each["part"] for each in written} == {"provides", "needed", "protects"}
    assert json.loads(_said(capsys, class_="ups", warranty_before="2001-01-01", json=True)) == []
    assert _said(capsys, class_="ups", warranty_before="2001-01-01", ids=True) == ""
    with pytest.raises(SystemExit) as caught:
        tasks.find_(Context(), ids=True, json=True)
    assert caught.value.code == ExitCode.USAGE
