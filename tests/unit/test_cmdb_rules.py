"""Every rule over the graph: what it finds, where, and the nearest thing that it lets pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from drillbook.cmdb.load import check
from drillbook.cmdb.rules import FILE_RULES, RULES
from tests.cmdb_cases import CASES, changed
from tests.cmdb_cases.case import SOME_ITEM, Case
from tests.cmdb_files import findings, line_of, write
from tests.cmdb_sample import sample
from tests.nested import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _name(case: Case) -> str:
    return f"{case.rule}: {case.says[:40]}"


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_rule_finds_what_is_wrong_and_where(case: Case, tmp_path: Path) -> None:
    root = write(tmp_path, changed(case.bad))
    found = findings(root)
    assert [each.rule for each in found] == [case.rule], list(map(str, found))
    assert case.says in found[0].message
    assert case.line in line_of(root, found[0]), str(found[0])


@pytest.mark.parametrize("case", [case for case in CASES if case.good], ids=_name)
def test_a_rule_lets_the_nearest_good_value_pass(case: Case, tmp_path: Path) -> None:
    assert findings(write(tmp_path, changed(case.good))) == []


def test_the_sample_has_no_finding(tmp_path: Path) -> None:
    assert findings(write(tmp_path, sample())) == []


def test_every_rule_has_a_case() -> None:
    assert {case.rule for case in CASES} == {rule.id for rule in RULES}


def test_rules_are_documented_once_in_one_line() -> None:
    documented = [(rule.id, rule.doc) for rule in RULES] + list(FILE_RULES)
    assert len({id_ for id_, _ in documented}) == len(documented)
    assert all(doc and "\n" not in doc and len(doc) < 80 for _, doc in documented)


def test_production_stays_in_the_ranges_to_which_nothing_connects_unless_policy_says_otherwise(
    tmp_path: Path,
) -> None:
    elsewhere = {
        "networks/prod-net": {"subnet": "192.0.2.0/24"},
        "config_items/db-1/addresses/production": "192.0.2.11",
        "config_items/db-2/addresses/production": "192.0.2.12",
        "config_items/web-1/addresses/production": "192.0.2.21",
        "config_items/spare-1/addresses/production": "192.0.2.29",
        "protections/core-pair/service_address/production": "192.0.2.100",
    }
    data = put(changed(elsewhere), ("policies", "production-addresses", "only_in"), ["192.0.2.0/24", "198.18.1.0/24"])
    assert findings(write(tmp_path, data)) == []
    del data["policies"]["production-addresses"]
    found = findings(write(tmp_path, data))
    assert [each.rule for each in found] == ["production-address"] * 5


def test_a_cycle_of_thousands_of_links_is_found(tmp_path: Path) -> None:
    data = sample()
    for number in range(3000):
        item = {**SOME_ITEM, "depends_on": [f"link-{(number + 1) % 3000}"]}
        put(data, ("config_items", f"link-{number}"), item)
    found = findings(write(tmp_path, data))
    assert [each.rule for each in found] == ["cycle"]
    assert "…" in found[0].message


def test_one_mistake_is_found_once(tmp_path: Path) -> None:
    """An entry of the wrong shape still exists: what names it does not dangle."""
    found = findings(write(tmp_path, put(sample(), ("people", "ann", "line"), 7)))
    assert [each.rule for each in found] == ["schema-range"]


def test_findings_of_all_files_and_rules_come_at_once(tmp_path: Path) -> None:
    data = put(sample(), ("people", "ann", "line"), 7)
    put(data, ("config_items", "db-1", "serial"), "C-2")
    put(data, ("services", "core", "rto"), "1 s")
    put(data, ("services", "web", "colour"), "red")
    found = findings(write(tmp_path, data))
    assert {each.rule for each in found} == {"schema-range", "serial", "rto-kept", "schema-unknown-key"}
    assert found == sorted(found)


def test_rules_that_need_every_file_wait_for_it(tmp_path: Path) -> None:
    """What a file that cannot be read holds is not reported as missing."""
    root = write(tmp_path, sample())
    (root / "cmdb.d/rest.yaml").write_text("services: [\n")
    assert [each.rule for each in findings(root)] == ["yaml-syntax"]


@pytest.mark.parametrize(
    ("prepare", "wanted"),
    [
        (lambda root: None, ["provision"]),
        (lambda root: (root / "playbooks/lab_hosts.yml").write_text("[]"), []),
    ],
)
def test_check_wants_the_playbook_that_an_environment_names(
    prepare: Callable[[Path], Any], wanted: list[str], tmp_path: Path
) -> None:
    root = write(tmp_path, sample())
    prepare(root)
    found = check(root)
    assert [each.rule for each in found] == wanted
    assert all("provision" in line_of(root, each) for each in found)


@pytest.mark.parametrize("case", CASES, ids=_name)
def test_a_case_changes_something(case: Case) -> None:
    assert changed(case.bad) != sample()
