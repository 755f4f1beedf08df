"""The inventory as Ansible itself reads it: the same values, and none of them evaluated."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.cmdb import inventory
from drillbook.cmdb.load import check, load
from drillbook.errors import DrillbookError, UsageError
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.generated_estate import Shape, write_estate
from tests.nested import Data, put

BIN = Path(sys.executable).parent
ENVIRONMENT = {
    "PATH": f"{BIN}:{os.environ['PATH']}",
    "LC_ALL": "C.UTF-8",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
}


def _ansible(*argv: str, home: Path) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=120, env={**ENVIRONMENT, "HOME": str(home)}, cwd=home
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr, done.stderr
    return done.stdout


def _read_by_ansible(path: Path, home: Path) -> Data:
    value = json.loads(_ansible("ansible-inventory", "-i", str(path), "--list", home=home))
    assert isinstance(value, dict)
    return value


def _written(root: Path, data: Data, environment: str = "lab") -> Path:
    cmdb = load(write(root, data))
    assert inventory.write(cmdb, environment, root)
    return inventory.path_of(root, environment)


def test_ansible_reads_hosts_groups_and_variables(tmp_path: Path) -> None:
    read = _read_by_ansible(_written(tmp_path, sample()), tmp_path)
    hosts = read["_meta"]["hostvars"]
    assert set(hosts) == {"db-1", "db-2"}
    assert {name: hosts["db-1"][name] for name in ("ansible_host", "ansible_user", "ansible_port", "item")} == {
        "ansible_host": "10.213.0.11", "ansible_user": "root", "ansible_port": 22, "item": "db-1",
    }  # fmt: skip
    groups = {name: set(group.get("hosts", ())) for name, group in read.items() if name not in ("_meta", "all")}
    pair = {"db-1", "db-2"}
    assert groups == {
        "class_host": pair, "site_hq": pair, "postgresql": pair, "service_core": pair,
        "protection_core_pair": pair, "protection_core_tape": {"db-1"},
    }  # fmt: skip


def test_ansible_reads_an_office_full_of_hosts(tmp_path: Path) -> None:
    cmdb = load(write_estate(tmp_path, Shape(300, hosts=1.0)))
    assert inventory.write(cmdb, "production", tmp_path)
    read = _read_by_ansible(inventory.path_of(tmp_path, "production"), tmp_path)
    assert {id_: host["ansible_host"] for id_, host in read["_meta"]["hostvars"].items()} == {
        item.id: item.get("addresses")["production"] for item in cmdb.config_items
    }
    assert len(read["site_site_0000"]["hosts"]) == 200


def test_a_host_sees_its_hot_standby_first(tmp_path: Path) -> None:
    hosts = _read_by_ansible(_written(tmp_path, sample()), tmp_path)["_meta"]["hostvars"]
    for id_ in ("db-1", "db-2"):  # db-1 is also in a backup
        assert hosts[id_]["protection"] == {
            "id": "core-pair",
            "kind": "hot_standby",
            "service": "core",
            "members": {"primary": "db-1", "standby": "db-2"},
            "service_address": "10.213.0.100",
            "replication": "synchronous",
            "settings": {"port": 5432, "database": "core", "encrypted": True, "note": "plain"},
            "snapshot": None,
        }


def test_an_environment_may_use_the_hosts_of_another(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    lab, rehearsal = inventory.inventory(cmdb, "lab"), inventory.inventory(cmdb, "rehearsal")
    assert lab["all"]["vars"] == {"environment_id": "lab"}
    assert rehearsal["all"]["vars"] == {"environment_id": "rehearsal"}
    assert {**lab["all"], "vars": {}} == {**rehearsal["all"], "vars": {}}


def test_production_has_its_own_addresses(tmp_path: Path) -> None:
    read = inventory.inventory(load(write(tmp_path, sample())), "production")["all"]
    assert {id_: host["ansible_host"] for id_, host in read["hosts"].items()} == {
        "db-1": "198.18.0.11", "db-2": "198.18.0.12", "web-1": "198.18.0.21", "spare-1": "198.18.0.29",
    }  # fmt: skip
    assert read["children"]["protection_web_spare"]["hosts"] == {"web-1": {}, "spare-1": {}}
    assert read["children"]["protection_core_pair"]["vars"]["protection"]["service_address"] == "198.18.0.100"


NASTY = [
    "no", "017", "12:30:00", "1e3", "2027-12-31", "~", "null", "=", "<<", "? a", "a: b", "a #b", "'", '"', "''", '"x"',
    "$(reboot)", "`id`", "${HOME}", "%s", "\\n",
     "}}", "%}", "{ {", "!unsafe x", "&a", "*a", "|", ">", "@x", "y", "0x1f",
    "中文", "é", "😀", " ", "a ", " a", "[a]", "{a: b}", "1_000", ".inf", ".5", "+1", "0o17", "1.5", "1.2.3.4", "True",
]  # fmt: skip


def test_values_that_look_like_something_else_reach_ansible_as_they_are(tmp_path: Path) -> None:
    values = {f"v{index}": value for index, value in enumerate(NASTY)}
    path = _written(tmp_path, put(sample(), ("protections", "core-pair", "settings"), values))
    assert _read_by_ansible(path, tmp_path)["_meta"]["hostvars"]["db-1"]["protection"]["settings"] == values
    shown = _ansible(
        "ansible", "db-1", "-i", str(path), "-c", "local", "-m", "ansible.builtin.debug", "-a",
        "msg={{ protection.settings }}", home=tmp_path,
    )  # fmt: skip
    assert json.loads(shown.partition("=>")[2])["msg"] == values, "a value was evaluated"


@pytest.mark.parametrize("mark", ["{{ 7 * 7 }}", "{% set a = 1 %}", "{# a #}"])
def test_what_ansible_would_evaluate_never_gets_there(mark: str, tmp_path: Path) -> None:
    """Without the rule it would: the same text, put in by hand, is evaluated."""
    data = put(sample(), ("protections", "core-pair", "settings", "note"), f"x{mark}")
    assert [each.rule for each in check(write(tmp_path, data)) if each.rule != "provision"] == ["template"]
    path = _written(tmp_path, sample())
    path.write_text(path.read_text().replace("note: plain", f"note: {json.dumps('x' + mark)}"))
    shown = _ansible(
        "ansible", "db-1", "-i", str(path), "-c", "local", "-m", "ansible.builtin.debug", "-a",
        "msg={{ protection.settings.note }}", home=tmp_path,
    )  # fmt: skip
    assert json.loads(shown.partition("=>")[2])["msg"] != f"x{mark}"


@settings(deadline=None, max_examples=300)
@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
        | st.integers(-(10**17), 10**17)
        | st.booleans()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.none(),
    )
)
def test_what_is_written_is_what_yaml_reads(values: dict[str, Any]) -> None:
    """YAML 1.1, as Ansible reads it."""
    text = "\n".join(inventory._lines({"a": {"b": values, "c": {}}}))
    assert yaml.safe_load(text) == {"a": {"b": values, "c": {}}}


def test_the_same_cmdb_gives_the_same_bytes(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    assert inventory.inventory_text(cmdb, "lab") == inventory.inventory_text(cmdb, "lab")
    turned = sample()
    turned["config_items"] = dict(reversed(turned["config_items"].items()))
    assert inventory.inventory_text(load(write(tmp_path, turned)), "lab") == inventory.inventory_text(cmdb, "lab")


def test_the_head_says_how_to_make_it(tmp_path: Path) -> None:
    text = inventory.inventory_text(load(write(tmp_path, sample())), "lab")
    assert text.startswith("# Generated from the CMDB; do not edit. To make it anew:\n#     ./inv cmdb.inventory")


def test_it_is_stale_until_written_and_after_a_change(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    path = inventory.path_of(tmp_path, "lab")
    assert inventory.stale(cmdb, "lab", tmp_path)
    assert inventory.write(cmdb, "lab", tmp_path)
    assert not inventory.stale(cmdb, "lab", tmp_path)
    assert not inventory.write(cmdb, "lab", tmp_path), "an unchanged file is left alone"
    assert path.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in path.parent.iterdir()] == ["hosts.yml"]
    for damage in (b"", b"\xff", path.read_bytes() + b"\n", path.read_bytes().replace(b"22", b"23")):
        path.write_bytes(damage)
        assert inventory.stale(cmdb, "lab", tmp_path)
    cmdb = load(write(tmp_path, put(sample(), ("config_items", "db-1", "ssh", "port"), 2222)))
    assert inventory.write(cmdb, "lab", tmp_path)
    assert b"ansible_port: 2222" in path.read_bytes()


def test_check_finds_stale_and_left_over_inventories_and_not_absent_ones(tmp_path: Path) -> None:
    data = put(sample(), ("environments", "lab", "provision"), "lab.yml")
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/lab.yml").touch()
    cmdb = load(write(tmp_path, data))
    assert check(tmp_path) == []
    inventory.write(cmdb, "lab", tmp_path)
    assert check(tmp_path) == []
    inventory.path_of(tmp_path, "lab").write_text("all: {}\n")
    old = inventory.path_of(tmp_path, "old\u202e")
    old.parent.mkdir()
    old.touch()
    found = check(tmp_path)
    assert [(each.file, each.line, each.rule) for each in found] == [
        ("inventories/lab/hosts.yml", 1, "inventory-stale"),
        ("inventories/old\\u{202e}/hosts.yml", 1, "inventory-stale"),
    ]
    assert "./inv cmdb.inventory --env lab" in found[0].message
    assert "no environment 'old\\u{202e}'" in found[1].message


def test_an_unknown_environment(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    with pytest.raises(UsageError, match="environments has no 'labb'"):
        inventory.write(cmdb, "labb", tmp_path)
    assert not (tmp_path / "inventories").exists()


def test_a_place_that_cannot_be_written_is_said_and_nothing_is_left(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    (tmp_path / "inventories").write_text("a file where the folder should be")
    with pytest.raises(DrillbookError, match="cannot be written: ") as caught:
        inventory.write(cmdb, "lab", tmp_path)
    assert "writable" in caught.value.remedy


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    cmdb = load(write(tmp_path, sample()))
    path = inventory.path_of(tmp_path, "lab")
    path.mkdir(parents=True)  # a folder stands where the file goes, so that the last step fails
    with pytest.raises(DrillbookError, match="cannot be written"):
        inventory.write(cmdb, "lab", tmp_path)
    assert [each.name for each in path.parent.iterdir()] == ["hosts.yml"]
