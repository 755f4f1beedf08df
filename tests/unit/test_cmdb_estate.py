"""The estate that ships: sound, of a believable size, and with the hosts that the lab makes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from drillbook.cmdb import inventory
from drillbook.cmdb.addressing import address, power, service_address
from drillbook.cmdb.durations import seconds
from drillbook.cmdb.load import check, load

if TYPE_CHECKING:
    from drillbook.cmdb.model import Cmdb

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def estate() -> Cmdb:
    return load(ROOT)


def test_it_has_no_finding() -> None:
    assert [str(each) for each in check(ROOT)] == []


def test_it_is_of_a_believable_size(estate: Cmdb) -> None:
    assert estate.organisation == "Harbour Asset Management"
    assert len(estate.config_items) >= 30
    assert {"core-business", "mail", "proxy", "web", "login", "file"} <= set(estate.services.ids())
    assert {item.get("class") for item in estate.config_items} >= {
        "host", "client", "l3_switch", "router", "firewall", "disk_array", "tape_library", "tape_drive", "ups",
    }  # fmt: skip
    assert {person.get("line") for person in estate.people} >= {1, 2, 3}
    assert seconds(estate.policies["outage-budget"].get("yearly")) == 72 * 3600


@pytest.mark.parametrize(
    ("item", "addresses", "room", "functions"),
    [
        ("core-db-1", "10.213.0.11", "hq-room-a", ["postgresql"]),
        ("core-db-2", "10.213.0.12", "hq-room-b", ["postgresql"]),
        ("core-app-1", "10.213.0.21", "hq-room-a", ["application_server"]),
        ("mon-1", "10.213.0.31", "hq-room-b", ["probe"]),
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
    assert lab == {"core-db-1", "core-db-2", "core-app-1", "mon-1"}
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
    assert found > 40


def test_people_and_vendors_can_be_reached_at_invented_numbers(estate: Cmdb) -> None:
    text = json.dumps([entry.fields for section in (estate.people, estate.vendors) for entry in section])
    phones = re.findall(r"\+[0-9 ]+[0-9]", text)
    assert len(phones) > 20
    assert all(re.fullmatch(r"\+1 202 555 01[0-9]{2}", phone) for phone in phones), "555-01xx is kept for fiction"
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
    for path in [ROOT / "cmdb.yaml", *(ROOT / "cmdb.d").glob("*.yaml")]:
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
    for name in ("cmdb.yaml", "cmdb.d", "inventories", "playbooks"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    assert check(tmp_path) == []
    assert load(tmp_path).digest == load(ROOT).digest
