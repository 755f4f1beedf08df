"""The estate that ships: sound, of a believable size, and with the hosts that the lab makes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from datetime import date
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.cmdb import inventory
from drillbook.cmdb.addressing import address, power, service_address
from drillbook.cmdb.durations import seconds
from drillbook.cmdb.impact import Effect, impact
from drillbook.cmdb.load import SCHEMA, check, load
from tests.estate_copy import copy_estate

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb, Entry

ROOT = Path(__file__).parents[2]
DAY = "2026-11-22"  # on which the estate was written down; its dates make sense on that day


@pytest.fixture(scope="module")
def estate() -> Cmdb:
    return load(ROOT)


def test_it_has_no_finding() -> None:
    assert [str(each) for each in check(ROOT)] == []


def _of(estate: Cmdb, class_: str, **fields: str) -> list[Entry]:
    return [
        each
        for each in estate.config_items
        if each.get("class") == class_ and all(each.get(name) == value for name, value in fields.items())
    ]


def test_it_has_the_numbers_of_the_design(estate: Cmdb) -> None:
    assert estate.organisation == "Harbour Asset Management"
    kinds = Counter(site.get("kind") for site in estate.sites)
    assert (kinds["head_office"], kinds["branch"]) == (1, 29)
    assert len(_of(estate, "host")) == 200
    assert len(_of(estate, "client", site="hq")) >= 300
    for site in estate.sites:
        if site.get("kind") == "branch":
            assert 6 <= len(_of(estate, "client", site=site.id)) <= 14, site.id
    classes = {item.get("class") for item in estate.config_items}
    assert classes == set(json.loads(SCHEMA.read_text())["$defs"]["class"]["enum"])
    assert {"core-business", "mail", "proxy", "web", "login", "file", "legacy-reports"} <= set(estate.services.ids())
    lines = Counter(person.get("line") for person in estate.people)
    assert min(lines[1], lines[2], lines[3]) >= 4
    assert {each["until"] < DAY for vendor in estate.vendors for each in vendor.get("contracts").values()} == {
        True,
        False,
    }
    assert seconds(estate.policies["outage-budget"].get("yearly")) == 72 * 3600


def test_every_item_has_what_an_inspection_asks_for(estate: Cmdb) -> None:
    for item in estate.config_items:
        missing = {"brand", "model", "serial", "grade", "warranty", "service_level", "owner"} - set(item.fields)
        assert not missing, f"{item.id}: {missing}"


def test_it_is_varied(estate: Cmdb) -> None:
    """Nothing is uniform: brands, ages, systems, levels, and some warranties that are over."""
    hosts = _of(estate, "host")
    assert {each.get("os")["family"] for each in hosts} == {"unix", "windows"}
    assert len({(each.get("os")["name"], each.get("os")["version"]) for each in hosts}) >= 8
    assert len({each.get("brand") for each in hosts}) >= 4
    assert len({function for each in hosts for function in each.get("functions", ())}) >= 40
    over = [each for each in estate.config_items if each.get("warranty")["until"] < DAY]
    assert 0.1 < len(over) / len(estate.config_items) < 0.4
    rings = Counter(each.get("ring") for each in estate.config_items if each.get("class") in ("host", "client"))
    assert set(rings) >= {0, 1, 2, 3}
    assert rings[0] < rings[1] < rings[2]


def test_what_protects_what_is_as_the_design_says(estate: Cmdb) -> None:
    kinds = {
        each.id: {p.get("kind") for p in estate.protections if p.get("service") == each.id} for each in estate.services
    }
    for service in estate.services:
        if service.get("tier") == 1:
            assert "hot_standby" in kinds[service.id], service.id
    assert "hot_standby" in kinds["mail"]
    spares = {estate.protections[f"{each}-spare"].get("members")["spare"] for each in ("proxy", "web", "login")}
    assert len(spares) == 1, "one spare for the three"
    assert kinds["file"] == kinds["legacy-reports"] == {"backup"}


def test_pairs_of_tier_one_stand_in_two_buildings(estate: Cmdb) -> None:
    rooms = estate.sites["hq"].get("rooms")
    for pair in estate.protections:
        if pair.get("kind") == "hot_standby" and estate.services[pair.get("service")].get("tier") == 1:
            one, two = (estate.config_items[pair.get("members")[name]].get("room") for name in ("primary", "standby"))
            assert rooms[one]["building"] != rooms[two]["building"], pair.id


def test_losing_a_computer_room_is_survived_by_what_matters(estate: Cmdb) -> None:
    tier_one = {each.id for each in estate.services if each.get("tier") == 1}
    for room in ("hq-room-a", "hq-room-b"):
        found = {each.id: each.effect for each in impact(estate, room).services}
        assert not {id_ for id_ in tier_one if found.get(id_) is Effect.STOPS}, room
        down = [id_ for id_, effect in found.items() if effect is Effect.STOPS]
        assert 5 <= len(down) <= 20, f"{room}: a plan without a weakness is not believed, nor one of weaknesses alone"


def test_a_branch_that_is_lost_stops_its_own_counter_alone(estate: Cmdb) -> None:
    for site in estate.sites:
        if site.get("kind") == "branch":
            assert [each.id for each in impact(estate, site.id).services] == [f"{site.id}-counter"]


def test_tapes_are_where_they_are_said_to_be(estate: Cmdb) -> None:
    slots: dict[tuple[str, int], str] = {}
    for tape in estate.media:
        if tape.get("slot") is not None:
            library = estate.config_items[tape.get("library")]
            assert (library.get("class"), library.get("site")) == ("tape_library", tape.get("site"))
            assert tape.get("slot") <= library.get("slots")
            assert slots.setdefault((library.id, tape.get("slot")), tape.id) == tape.id
        if tape.get("written") is not None:
            assert tape.get("written") <= DAY < tape.get("keep_until"), tape.id
    assert {each.get("cycle") for each in estate.media} == {"daily", "weekly", "monthly", "yearly"}
    assert len(estate.media) >= 50
    assert {each.get("site") for each in estate.media} == {"hq", "tape-vault"}


def test_what_tapes_promise_is_kept_by_tapes(estate: Cmdb) -> None:
    """A protection on tape has a tape that is not older than its interval allows; empty tapes hold nothing."""
    for each in estate.protections:
        if "library" in each.get("members"):
            written = [estate.media[id_].get("written") for id_ in each.get("media")]
            assert None not in written, each.id
            age = (date.fromisoformat(DAY) - date.fromisoformat(max(written))).days
            assert age <= seconds(each.get("interval")) / 86400 + 3, f"{each.id}: a weekend at most"


def test_duty_goes_round(estate: Cmdb) -> None:
    turns: dict[tuple[int, int], list[int]] = {}
    for person in estate.people:
        if duty := person.get("duty"):
            assert duty["turn"] <= duty["of"], person.id
            turns.setdefault((person.get("line"), duty["of"]), []).append(duty["turn"])
    for (line, of), taken in turns.items():
        assert set(taken) == set(range(1, of + 1)), f"line {line} has a week in which nobody is on duty"


def test_files_are_made_to_be_read(estate: Cmdb) -> None:
    for path in (ROOT / "cmdb.d").rglob("*.yaml"):
        lines = path.read_text().splitlines()
        assert len(lines) <= 3000, path
        assert lines[1].startswith("# "), f"{path}: says what it holds"
    for site in estate.sites:
        if site.get("kind") == "branch":
            assert site.file == f"cmdb.d/branches/{site.id}.yaml"
            assert {each.file for each in estate.config_items if each.get("site") == site.id} == {site.file}


@pytest.mark.parametrize(
    ("item", "addresses", "room", "functions"),
    [
        ("core-db-1", "10.213.0.11", "hq-room-a", ["postgresql"]),
        ("core-db-2", "10.213.0.12", "hq-room-b", ["postgresql"]),
        ("core-app-1", "10.213.0.21", "hq-room-a", ["application_server"]),
        ("mon-1", "10.213.0.31", "hq-room-b", ["probe", "witness"]),
        ("mail-1", "10.213.0.41", "hq-room-a", ["postfix"]),
        ("mail-2", "10.213.0.42", "hq-room-b", ["postfix"]),
        ("proxy-1", "10.213.0.51", "hq-room-a", ["squid"]),
        ("web-1", "10.213.0.52", "hq-room-a", ["nginx"]),
        ("login-1", "10.213.0.53", "hq-room-a", ["openldap"]),
        ("spare-1", "10.213.0.59", "hq-room-b", ["cold_spare"]),
        ("backup-1", "10.213.0.62", "hq-room-b", ["bacula", "snapshots"]),
    ],
)
def test_the_hosts_of_the_lab(item: str, addresses: str, room: str, functions: list[str], estate: Cmdb) -> None:
    assert address(estate, item, "lab") == address(estate, item, "rehearsal") == addresses
    assert power(estate, item, "lab") == {"kind": "lab"}
    entry = estate.config_items[item]
    assert (entry.get("in_lab"), entry.get("room"), entry.get("functions")) == (True, room, functions)
    assert entry.get("ssh") == {"user": "root", "port": 22}


def test_the_lab_has_these_hosts_and_no_other(estate: Cmdb) -> None:
    lab = {item.id for item in estate.config_items if item.get("in_lab")}
    assert lab == {
        "core-db-1", "core-db-2", "core-app-1", "mon-1", "mail-1", "mail-2", "proxy-1", "web-1", "login-1", "spare-1",
        "backup-1",
    }  # fmt: skip
    assert set(inventory.inventory(estate, "lab")["all"]["hosts"]) == lab


def test_the_rooms_of_the_database_pair_are_in_two_buildings(estate: Cmdb) -> None:
    rooms = estate.sites["hq"].get("rooms")
    assert rooms["hq-room-a"]["building"] != rooms["hq-room-b"]["building"]


def test_the_database_pair(estate: Cmdb) -> None:
    pair = estate.protections["core-db"]
    assert pair.get("members") == {"primary": "core-db-1", "standby": "core-db-2"}
    assert pair.get("replication") == "synchronous"
    assert service_address(estate, "core-db", "lab") == "10.213.0.100"
    settings = pair.get("settings")
    assert (settings["port"], settings["database"], settings["unit"]) == (5432, "core", "core-db.service")
    core = estate.services["core-business"]
    assert (core.get("tier"), core.get("rto"), core.get("rpo")) == (1, "60 s", "0 s")


def test_addresses_of_production_lie_where_nothing_answers(estate: Cmdb) -> None:
    nowhere = [ip_network("198.18.0.0/15"), ip_network("2001:db8::/32")]
    found = 0
    for item in estate.config_items:
        texts = [item.get("addresses", {}).get("production")]
        texts += re.findall(r"[0-9]+(?:\.[0-9]+){3}", json.dumps(item.get("power", {}).get("production", {})))
        for text in filter(None, texts):
            found += 1
            assert any(ip_address(text).version == net.version and ip_address(text) in net for net in nowhere), text
    assert found > 900


def test_people_and_vendors_can_be_reached_at_invented_numbers(estate: Cmdb) -> None:
    text = json.dumps([entry.fields for section in (estate.people, estate.vendors) for entry in section])
    phones = re.findall(r"\+[0-9 ]+[0-9]", text)
    assert len(phones) > 20
    assert all(re.fullmatch(r"\+1 2[0-9]2 555 01[0-9]{2}", phone) for phone in phones), "555-01xx is kept for fiction"
    assert len(set(phones)) == len(phones)
    mails = re.findall(r"[\w.]+@[\w.]+", text)
    assert mails
    assert all(mail.endswith(".example") for mail in mails)


def test_texts_for_people_exist_in_english_and_chinese(estate: Cmdb) -> None:
    def texts(node: Any) -> list[dict[str, str]]:
        if isinstance(node, dict) and set(node) == {"en", "zh"}:
            return [node]
        below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return [text for each in below for text in texts(each)]

    found = [
        text
        for name in ("config_items", "services", "people")
        for e in estate.section(name)
        for text in texts(e.fields)
    ]
    assert len(found) > 60
    for text in found:
        assert re.search("[\u4e00-\u9fff]|UPS", text["zh"]), text
        assert text["en"].isascii(), text


def test_every_file_names_the_schema_for_editors() -> None:
    for path in [ROOT / "cmdb.yaml", *(ROOT / "cmdb.d").rglob("*.yaml")]:
        modeline = path.read_text().splitlines()[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", modeline)
        assert named, path
        assert (path.parent / named[1]).resolve() == ROOT / "src/drillbook/cmdb/schema.json"


@pytest.mark.parametrize("environment", ["lab", "rehearsal", "production"])
def test_ansible_reads_the_committed_inventory(environment: str, estate: Cmdb, tmp_path: Path) -> None:
    path = inventory.path_of(ROOT, environment)
    program = Path(sys.executable).with_name("ansible-inventory")
    done = subprocess.run(
        [program, "-i", path, "--list"], capture_output=True, text=True, check=True, timeout=120, cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.stderr == ""
    read = json.loads(done.stdout)["_meta"]["hostvars"]
    assert {id_: host["ansible_host"] for id_, host in read.items()} == {
        id_: address(estate, id_, environment) for id_ in inventory.inventory(estate, environment)["all"]["hosts"]
    }


def test_no_finding_depends_on_the_place_of_the_checkout(tmp_path: Path) -> None:
    copy_estate(tmp_path)
    assert check(tmp_path) == []
    assert load(tmp_path).digest == load(ROOT).digest
