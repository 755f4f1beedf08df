"""Estates of odd sizes: very large files, hosts by the thousand in one place, and nothing where much is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from invoke import Context

from drillbook.cmdb import inventory
from drillbook.cmdb.impact import impact
from drillbook.cmdb.load import check, checked, load
from drillbook.errors import ExitCode, InvalidInput, UsageError
from drillbook.tasks import cmdb as tasks
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.generated_estate import Shape, write_estate

if TYPE_CHECKING:
    from pathlib import Path


def test_a_site_with_five_thousand_hosts_in_one_file(tmp_path: Path) -> None:
    root = write_estate(tmp_path, Shape(5000, hosts=1.0, per_site=5000))
    assert len(list((root / "cmdb.d").glob("items-*.yaml"))) == 1
    cmdb, findings = checked(root)
    assert findings == []
    assert cmdb is not None
    assert len(impact(cmdb, "site-0000").items) == len(impact(cmdb, "room-0000").items) == 5000
    assert inventory.write(cmdb, "production", root)
    assert len(inventory.inventory(cmdb, "production")["all"]["children"]["site_site_0000"]["hosts"]) == 5000
    assert check(root) == []
    file = root / cmdb.config_items["host-0000-4999"].file
    lines = file.read_text().splitlines()
    assert lines[cmdb.config_items["host-0000-4999"].line - 1] == "  host-0000-4999:"
    lines[lines.index("    class: host", len(lines) // 2)] = "    class: hosst"
    file.write_text("\n".join(lines))
    (found,) = check(root)
    assert lines[found.line - 1] == "    class: hosst"


def test_a_hundred_thousand_items_in_one_file_are_refused_with_the_remedy(tmp_path: Path) -> None:
    item = "  item-{}:\n    class: client\n    title: {{en: Client, zh: 终端}}\n    site: hq\n    owner: ann\n"
    item += "    brand: Cedar\n    model: Desk\n    service_level: 5x8, next business day\n"
    root = write(tmp_path, sample())
    (root / "cmdb.d/rest.yaml").write_text("config_items:\n" + "".join(item.format(n) for n in range(100_000)))
    (found,) = check(root)
    assert (found.file, found.line, found.rule) == ("cmdb.d/rest.yaml", 1, "file-size")
    assert "at most 16,777,216 are read; split it and list the parts under 'include'" in found.message


NOBODY = """\
organisation: Small
sites:
  hq: {title: {en: Office, zh: 办公室}, kind: head_office}
networks:
  net: {subnet: 198.18.0.0/24}
environments:
  production: {title: {en: Production, zh: 生产}, kind: production, network: net}
people:
  ann: {name: {en: Ann, zh: 安}, roles: [operate], contact: {phone: "+1 202 555 0100"}}
config_items:
  box-1:
    class: host
    title: {en: A box, zh: 盒}
    site: hq
    owner: ann
    os: {family: unix, name: debian, version: "12"}
    addresses: {production: 198.18.0.11}
"""


@pytest.mark.parametrize("more", ["", "services: {}\n", "services: {}\nprotections: {}\nmedia: {}\nspares: {}\n"])
def test_an_estate_without_services(
    more: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cmdb.yaml").write_text(NOBODY + more)
    cmdb = load(tmp_path)
    assert check(tmp_path) == []
    found = impact(cmdb, "box-1")
    assert (found.services, found.protections, found.vendors) == ((), (), ())
    assert [(each.id, each.because) for each in found.items] == [("box-1", None)]
    assert [each.id for each in found.people] == ["ann"]
    assert impact(cmdb, "hq").items == found.items
    assert inventory.write(cmdb, "production", tmp_path)
    assert list(inventory.inventory(cmdb, "production")["all"]["hosts"]) == ["box-1"]

    monkeypatch.chdir(tmp_path)
    tasks.check(Context())
    assert "1 item, 0 services and 0 protections, no findings" in " ".join(capsys.readouterr().out.split())
    tasks.impact(Context(), "box-1")
    assert "If box-1 fails: no service stops" in capsys.readouterr().out
    tasks.inventory(Context())
    assert "unchanged" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        tasks.impact(Context(), "mail")
    assert ended.value.code == ExitCode.USAGE


def test_an_estate_of_a_name_alone(tmp_path: Path) -> None:
    (tmp_path / "cmdb.yaml").write_text("organisation: Empty\n")
    cmdb, findings = checked(tmp_path)
    assert findings == []
    assert cmdb is not None
    assert not cmdb.config_items.ids()
    with pytest.raises(UsageError, match="the CMDB has no 'box-1'"):
        impact(cmdb, "box-1")
    with pytest.raises(UsageError, match="environments has no 'production'"):
        inventory.inventory(cmdb, "production")


@pytest.mark.parametrize("section", ["sites", "config_items", "services", "people", "protections"])
@pytest.mark.parametrize("nothing", ["", " ~", " []", " ''"])
def test_a_section_that_holds_nothing_and_is_no_mapping(section: str, nothing: str, tmp_path: Path) -> None:
    (tmp_path / "cmdb.yaml").write_text(f"organisation: X\n{section}:{nothing}\n")
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path)
    (found,) = caught.value.findings
    assert (found.line, found.rule) == (2, "schema-type")
    assert f"'{section}' is " in found.message
    assert "it must be a mapping" in found.message


@pytest.mark.parametrize("entry", ["../out/*.yaml", "in/../../out/a.yaml", "{out}/a.yaml", "in/link/a.yaml", "in/l*/*",
                                   "in/file.yaml", "in/deep/link/a.yaml"])  # fmt: skip
def test_an_include_that_leads_outside(entry: str, tmp_path: Path) -> None:
    """By dots, from the root, by a link to a file, and by a link to a folder anywhere on the way."""
    root, outside = tmp_path / "estate", tmp_path / "out"
    (root / "in/deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "a.yaml").write_text("sites:\n  a: {title: {en: A, zh: 甲}, kind: branch}\n")
    (root / "in/link").symlink_to(outside)
    (root / "in/deep/link").symlink_to("../link")
    (root / "in/file.yaml").symlink_to(outside / "a.yaml")
    (root / "cmdb.yaml").write_text(f"organisation: X\ninclude:\n  - {entry.format(out=outside)}\n")
    cmdb, findings = checked(root)
    assert cmdb is None
    (found,) = findings
    assert (found.file, found.line, found.rule) == ("cmdb.yaml", 3, "include")
    assert "leads outside the repository" in found.message
