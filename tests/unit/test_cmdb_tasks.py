"""The tasks of the CMDB as a person sees them: what is said, at 80 columns, with which exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from invoke import Context
from rich.cells import cell_len

from drillbook.cmdb.impact import Effect, impact
from drillbook.cmdb.load import load
from drillbook.console.output import console
from drillbook.errors import ExitCode
from drillbook.lab.spec import specs_from
from drillbook.tasks import cmdb as tasks
from tests.cmdb_files import write
from tests.cmdb_sample import sample
from tests.estate_copy import copy_estate
from tests.nested import Data, put

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the shipped estate, and work in it at 80 columns."""
    return _work_in(copy_estate(tmp_path), monkeypatch)


def _work_in(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(root)
    monkeypatch.setattr(console, "_width", 80)
    monkeypatch.setattr(console, "soft_wrap", False)  # as on a terminal
    return root


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines
    return lines


def _ends_with(
    code: ExitCode, capsys: pytest.CaptureFixture[str], call: object, *args: object, **options: object
) -> str:
    assert callable(call)
    with pytest.raises(SystemExit) as caught:
        call(Context(), *args, **options)
    assert caught.value.code == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Traceback" not in shown.err
    return shown.err


def test_check_counts_what_is_there(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.check(Context())
    said = " ".join(_lines(capsys))
    cmdb = load(estate)
    counts = f"{len(cmdb.config_items)} items, {len(cmdb.services)} services and {len(cmdb.protections)} protections"
    assert f"{cmdb.organisation}: {counts}, no findings" in said
    assert cmdb.digest in said


def test_check_shows_every_finding_with_file_and_line(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    core = estate / "cmdb.d/core.yaml"
    core.write_text(core.read_text().replace("owner: zhang-tao", "owner: zhang-tap", 1).replace("grade:", "grad:", 1))
    said = _ends_with(ExitCode.INVALID, capsys, tasks.check)
    line = core.read_text().splitlines().index("    grad: enterprise") + 1
    assert f"cmdb.d/core.yaml:{line}: schema-unknown-key: unknown key 'grad'; did you mean 'grade' or 'brand'?" in said
    assert "1 finding" in said, "the entry of the wrong shape is not held against the rules"
    core.write_text(core.read_text().replace("grad:", "grade:", 1))
    said = _ends_with(ExitCode.INVALID, capsys, tasks.check)
    assert "'zhang-tap', which is not in people; did you mean 'zhang-tao'" in said


def test_check_finds_a_stale_inventory_and_inventory_mends_it(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = estate / "inventories/lab/hosts.yml"
    path.write_text(path.read_text() + "# by hand\n")
    assert "inventories/lab/hosts.yml:1: inventory-stale" in _ends_with(ExitCode.INVALID, capsys, tasks.check)
    tasks.inventory(Context())
    lines = _lines(capsys)
    assert [line.split()[:2] for line in lines] == [["✓", "written"], ["·", "unchanged"], ["·", "unchanged"]]
    tasks.check(Context())


def test_inventory_of_one_environment(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(estate / "inventories")
    tasks.inventory(Context(), env="lab")
    count = len(specs_from(load(estate), "lab"))
    assert _lines(capsys) == [f"✓ written  inventories/lab/hosts.yml  {count} hosts"]
    assert [each.name for each in (estate / "inventories").iterdir()] == ["lab"]
    said = _ends_with(ExitCode.USAGE, capsys, tasks.inventory, env="labb")
    assert "environments has no 'labb'" in said
    assert "did you mean lab?" in said


def test_show_has_every_field_and_what_hangs_together(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.show(Context(), "core-db-1")
    lines = _lines(capsys)
    assert lines[0] == "core-db-1  Core database, normally the primary  核心数据库主机"
    assert re.fullmatch(r"config_items · cmdb\.d/core\.yaml:\d+", lines[1])
    text = "\n".join(lines)
    for words in (
        r"serial +CSW-7A31-0011", r"addresses.lab +10.213.0.11", r"power.production.url +https://198.18.1.11",
        r"in_lab +yes", r"provides\n.*core-business", r"is a member of\n.*core-db",
    ):  # fmt: skip
        assert re.search(words, text), words


def test_show_knows_people_and_services(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.show(Context(), "zhang-tao")
    assert re.search(r"owns\n.*core-db-1", "\n".join(_lines(capsys)))
    tasks.show(Context(), "core-business")
    text = "\n".join(_lines(capsys))
    for words in (
        r"provided by\n.*core-db-1",
        r"depends on\n.*hq-network",
        r"protected by\n.*core-db ",
        r"is needed by\n.*order-entry",
    ):
        assert re.search(words, text), words


def test_impact_says_who_to_call(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.impact(Context(), "core-db-1", all_=True)
    text = "\n".join(_lines(capsys))
    for words in (
        r"^If core-db-1 fails: \d+ services interrupted until a protection has taken over",
        r"core-business +tier 1, RTO 60 s: back when core-db has taken over",
        r"order-entry +tier 2, RTO 30 min: back when core-business is back",
        r"core-db +takes over +hot standby; by core-db-2; no second copy",
        r"core-db-tape +restores +backup; from media",
        r"line 1 +Gao Fei +\+1 202 555 0111 +answers users of core-business",
        r"line 2 +Zhang Tao",
        r"Ma Chao +\+1 202 555 0103 +owns core-business",
        r"Cedar Server Works +\+1 202 555 0172 +for core-db-1",
        r"Quill Database Support +\+1 202 555 0175",
    ):
        assert re.search(words, text), words


def test_impact_of_what_nobody_needs(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.impact(Context(), "client-001")
    assert _lines(capsys)[0] == "If client-001 fails: no service stops"
    tasks.impact(Context(), "sw-access-1")
    assert _lines(capsys)[1].startswith("16 items down: 14 client"), "what is down is counted, whatever stops"


def test_impact_of_a_service_has_no_gap(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.impact(Context(), "core-business")
    assert "\n\n\n" not in "\n".join(_lines(capsys))


def test_impact_of_a_room_says_that_a_spare_is_contested(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.impact(Context(), "hq-room-a", all_=True)
    text = "\n".join(_lines(capsys))
    assert re.search(r"✗ web +tier 2, RTO 30 min: down, unless spare-1 is given to it", text)
    assert re.search(r"web-spare +contested", text)
    assert re.search(r"✗ file +tier 2, RTO 8 h: down until login is back", text)
    assert re.search(r"✗ statement-printing +tier 3, RTO 1 d: down until file is back", text)
    assert "nothing brings back login" not in text
    assert re.search(r"nothing brings back risk-calc-1", text)
    assert re.search(r"back when restored from storage-tape", text)


def test_impact_of_much_is_short_unless_told(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.impact(Context(), "hq-room-a")
    short = _lines(capsys)
    tasks.impact(Context(), "hq-room-a", all_=True)
    whole = _lines(capsys)
    assert len(short) < len(whole) * 0.6
    cmdb = load(estate)
    down = [each for each in impact(cmdb, "hq-room-a").items if each.effect is Effect.STOPS]
    text = "\n".join(short)
    assert re.search(rf"^{len(down)} items down: \d+ host", text, re.MULTILINE)
    assert re.search(r"~ 8 services +tier 2: back when branch-lines is back", text)
    for service in cmdb.services:
        if service.get("tier") == 1:
            assert re.search(rf"~ {service.id} +tier 1", text), "none of tier 1 is put together with others"
    assert re.search(r"contested +5 +proxy-spare, web-spare, login-spare", text)
    assert re.search(r"takes over +\d+ +core-db, .*\n +restores +\d+ +storage-tape, ", text)
    assert "./inv cmdb.impact hq-room-a --all" in text
    assert "--all" not in "\n".join(whole)
    assert all(re.search(rf"[✗~] {each.id} ", "\n".join(whole)) for each in cmdb.services)


def test_show_counts_where_there_are_many(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.show(Context(), "hq")
    text = "\n".join(_lines(capsys))
    assert re.search(r"holds\n(.*\n)*.*302 client  client-001, client-002, client-003 and 299 more", text)


def test_list_has_every_id(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.list_(Context())
    text = "\n".join(_lines(capsys))
    cmdb = load(estate)
    for name in ("config_items", "services", "protections", "people", "policies", "media", "spares", "vendors"):
        for id_ in cmdb.section(name).ids():
            assert re.search(rf"^{re.escape(id_)} ", text, re.MULTILINE), id_


def test_list_of_a_section_in_an_environment(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.list_(Context(), section="config_items", env="rehearsal")
    assert re.search(r"core-db-1 +10\.213\.0\.11", "\n".join(_lines(capsys)))
    tasks.list_(Context(), section="config_items", env="rehearsal")
    ids = [line.split()[0] for line in _lines(capsys)[1:] if line and not line.startswith(" ")]
    assert ids == [spec.item for spec in specs_from(load(estate), "lab")]
    assert "config_items" in _ends_with(ExitCode.USAGE, capsys, tasks.list_, section="items")


@pytest.mark.parametrize("what", ["core-db-1", "hq", "chen-wei", "core-db", "approvals", "cedar-servers", "hq-network"])
def test_nothing_is_wider_than_80_columns(what: str, estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks.show(Context(), what)
    tasks.list_(Context())
    for item in ("ups-a", "hq-room-a", "hq"):
        tasks.impact(Context(), item)
    assert max(cell_len(line) for line in _lines(capsys)) <= 80


def test_an_unknown_id_names_the_nearest(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = _ends_with(ExitCode.USAGE, capsys, tasks.show, "core-db-3")
    assert "the CMDB has no 'core-db-3'" in said
    assert "core-db-1" in said
    for asked in (tasks.show, tasks.graph):
        said = " ".join(_ends_with(ExitCode.USAGE, capsys, asked, "hq-room-a").split())
        assert "'hq-room-a' is a room of the site hq" in said
        assert "./inv cmdb.impact hq-room-a" in said
        assert "./inv cmdb.find --site hq-room-a" in said
    assert "did you mean hq-room-a" in _ends_with(ExitCode.USAGE, capsys, tasks.impact, "room-a")
    assert "of which nothing fails" in _ends_with(ExitCode.USAGE, capsys, tasks.impact, "lab-net")


def test_outside_of_an_estate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _work_in(tmp_path, monkeypatch)
    assert "there is no estate here" in _ends_with(ExitCode.USAGE, capsys, tasks.check)


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "[link=file:///etc/passwd]x[/link]", ":boom:", "\\[x]"])
def test_text_is_not_markup(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data: Data = put(sample(), ("config_items", "db-1", "title", "en"), text)
    put(data, ("people", "ann", "name", "en"), text)
    put(data, ("protections", "core-pair", "settings", "note"), text)
    _work_in(write(tmp_path, data), monkeypatch)
    tasks.show(Context(), "db-1")
    tasks.show(Context(), "core-pair")
    tasks.impact(Context(), "db-1")
    tasks.list_(Context())
    assert "\n".join(_lines(capsys)).count(text) >= 4


def test_the_program_itself_ends_with_the_exit_code(estate: Path) -> None:
    """Through invoke, as ./inv calls it."""
    (estate / "tasks.py").write_text(
        "from invoke import Collection\nfrom drillbook.tasks import cmdb\n"
        "ns = Collection()\nns.add_collection(Collection.from_module(cmdb, name='cmdb'))\n"
    )

    def run(*argv: str, columns: str = "80") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "invoke", *argv],
            cwd=estate, capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1", "COLUMNS": columns},
        )  # fmt: skip

    done = run("cmdb.check")
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")
    done = run("cmdb.show", "core-db-1")
    assert "CSW-7A31-0011" in done.stdout
    narrow = run("cmdb.impact", "core-db-1").stdout
    assert max(map(cell_len, narrow.splitlines())) <= 80
    wide = run("cmdb.impact", "core-db-1", columns="").stdout
    assert max(map(cell_len, wide.splitlines())) > 80, "a pipe has no edge"
    done = run("cmdb.show", "core-db-9")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert "Traceback" not in done.stderr
    (estate / "cmdb.yaml").write_text("a: [\n")
    assert run("cmdb.check").returncode == ExitCode.INVALID
    listed = json.loads(run("--list", "--list-format=json").stdout)
    names = {task["name"] for collection in listed["collections"] for task in collection["tasks"]}
    assert names == {"check", "show", "impact", "inventory", "list", "find", "graph"}
