"""A new estate: sound, whole or not at all, with values that never become syntax."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import drillbook
from drillbook.cmdb.load import check, load
from drillbook.drill.load import list_drills
from drillbook.drill.rules import check_drill
from drillbook.errors import ExitCode, Refused, UsageError
from drillbook.estate import render, write
from drillbook.estate.choice import Choice
from drillbook.estate.content import CONTENT, content
from drillbook.estate.write import ENVIRONMENT_NOTE, new_estate, write_schemas
from drillbook.runbook.load import load_all
from drillbook.source import parse_yaml
from drillbook.tasks.wiring import load_estate, plan_of
from drillbook.text import forbidden_character

pytestmark = pytest.mark.slow  # each test starts processes, or waits for one

ROOT = Path(__file__).parents[2]

NAMES = [
    'Says "yes" & more', "It's: #1", "{{ lookup('pipe', 'id') }}", "{% raw %}", "%TAG", "&anchor", "*alias",
    "!!python/none", "@here",
    "- item", "? key", "| >", "null", "yes", "0x1f", "1e3", "2026-01-01", "=", "<<", "~", "海港 🚢", "back\\slash",
    "`rm -rf /`", "$(id)", "</script><b>", "[link](javascript:alert)", "a" * 200, "trailing:", "---", "...",
]  # fmt: skip
PAIRS = ["main-db", "no", "null", "y", "12", "1e3", "0x1f", "2026-01-01", "a.b", "1-2", "0", "a" * 40]


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_estate(tmp_path_factory.mktemp("estates") / "mine", Choice.of(organisation="Mine & Co."))


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_has_no_finding_and_every_runbook_and_drill_fits(estate: Path) -> None:
    assert check(estate) == []
    loaded = load_estate(estate)
    assert loaded.cmdb.organisation == "Mine & Co."
    drills = list_drills(estate)
    assert [drill.name for drill in drills] == ["main-db-failover", "main-db-switchover"]
    for drill in drills:
        assert check_drill(drill, loaded.cmdb, loaded.runbooks) == []
        for call in (drill.call, *drill.afterwards):
            plan = plan_of(loaded, call.runbook, environment=drill.environment, parameters=call.parameters)
            assert {plan.roles[role] for role in ("primary", "standby") if role in plan.roles} <= {
                "main-db-1", "main-db-2",
            }  # fmt: skip


def test_it_has_no_production_and_three_hosts(estate: Path) -> None:
    cmdb = load(estate)
    assert [each.get("kind") for each in cmdb.environments] == ["lab"]
    assert len([each for each in cmdb.config_items if each.get("in_lab")]) == 3


def test_every_link_and_schema_that_it_names_is_there(estate: Path) -> None:
    named = 0
    for path in estate.rglob("*"):
        if path.suffix == ".md":
            links = re.findall(r"\]\(([^)#][^)]*)\)", path.read_text())
            targets = [link.partition("#")[0] for link in links if "://" not in link]
        elif path.suffix == ".yaml":
            targets = re.findall(r"\$schema=(\S+)", path.read_text())
            assert targets, f"an editor does not know what {path} is"
        else:
            continue
        for target in targets:
            named += 1
            assert (path.parent / target).exists(), f"{path.relative_to(estate)} names {target}"
    assert named > 20


def test_what_it_is_given_is_what_the_repository_has(estate: Path) -> None:
    assert set(content()) <= files_below(estate)
    assert (estate / "playbooks/lab_hosts.yml").read_bytes() == (ROOT / "playbooks/lab_hosts.yml").read_bytes()
    assert not [name for name in files_below(estate) if name.endswith((".pyc", ".j2")) and "/templates/" not in name]
    assert f"drillbook=={drillbook.__version__}" in (estate / "requirements.txt").read_text().splitlines()


def test_the_wheel_is_told_of_the_same_content() -> None:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert table["force-include"] == {name: f"drillbook/estate/content/{name}" for name in CONTENT}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_a_name(name: str, tmp_path: Path) -> None:
    root = new_estate(tmp_path / "e", Choice.of(organisation=name))
    assert load(root).organisation == name
    first = (root / "README.md").read_text().splitlines()[0]
    assert re.sub(r"\\([\\`*_\[\]<>&#|~$])", r"\1", first) == f"# Recovery of {name}"
    assert not re.search(r"(?<!\\)[`*_<\[]", first)


@pytest.mark.parametrize("pair", PAIRS)
def test_any_id_of_a_pair_makes_a_sound_estate(pair: str, tmp_path: Path) -> None:
    root = new_estate(tmp_path / "e", Choice.of(pair=pair))
    assert check(root) == []
    assert [each.id for each in load(root).protections] == [pair]
    for path in root.rglob("*.yaml"):
        if path.parent.name != "schemas":
            assert parse_yaml(path.read_text(), shown_as=path.name)


@given(
    st.one_of(st.text(), st.sampled_from(NAMES), st.integers(0, 65535)).filter(
        lambda v: not forbidden_character(str(v))
    )
)
def test_a_yaml_scalar_is_read_back_as_it_was(value: str | int) -> None:
    text = f"key: {{a: [{render.yaml_scalar(value)}]}}\n"
    assert yaml.safe_load(text) == {"key": {"a": [value]}}
    assert parse_yaml(text, shown_as="x") == {"key": {"a": [value]}}


def test_files_without_values_take_none() -> None:
    with pytest.raises(TypeError, match="takes no value"):
        render._environment(render._constant).from_string("{{ pair }}").render(pair="x")


@pytest.mark.parametrize(
    "name", [" ", "a" * 201, "two\nlines", "hidden\u202eeman", "nul\0", "para\u2029graph", "\x1b[2J"]
)
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        Choice.of(organisation=name)


@pytest.mark.parametrize("pair", ["", "Main", "-x", "x-", "a/b", "../x", "a b", "a\nb", "a" * 41, "$(id)", "数据"])
def test_ids_that_are_none(pair: str) -> None:
    with pytest.raises(UsageError, match="--pair"):
        Choice.of(pair=pair)


@pytest.mark.parametrize("subnet", ["10.0.0.0/16", "10.9.8.16/28", "192.168.7.0/24", "172.20.0.0/20"])
def test_subnets_that_suit(subnet: str, tmp_path: Path) -> None:
    root = new_estate(tmp_path / "e", Choice.of(subnet=subnet))
    assert check(root) == []


@pytest.mark.parametrize(
    "subnet",
    ["", "x", "10.0.0.1/24", "10.0.0.0/8", "10.0.0.0/29", "8.8.8.0/24", "127.0.0.0/24", "169.254.0.0/24", "fd00::/64",
     "224.0.0.0/24", "10.0.0.0/24; reboot"],
)  # fmt: skip
def test_subnets_that_do_not(subnet: str) -> None:
    with pytest.raises(UsageError, match="--subnet"):
        Choice.of(subnet=subnet)


def nothing_left(folder: Path) -> bool:
    return not any(folder.iterdir())


@pytest.mark.parametrize("pair", ["lab", "site-1", "manager-1", "room-a"])
def test_an_id_that_collides_leaves_nothing_behind(pair: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no sound estate comes of --pair {pair}"):
        new_estate(tmp_path / "e", Choice.of(pair=pair))
    assert nothing_left(tmp_path)


def test_a_failure_half_way_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(write._TEMPLATES, "inv.j2", "cmdb.yaml/inv")  # a file below a file
    with pytest.raises(UsageError, match="cannot be written"):
        new_estate(tmp_path / "e", Choice.of())
    assert nothing_left(tmp_path)


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert new_estate(tmp_path / "link", Choice.of()) == tmp_path / "real"
    assert check(tmp_path / "real") == []
    assert files_below(tmp_path / "real") > {"cmdb.yaml", "inv"}


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere/at/all")
    before = files_below(tmp_path)
    for name in ("full", "file", "missing/e", "file/e", "dangling"):
        with pytest.raises(UsageError):
            new_estate(tmp_path / name, Choice.of())
    assert files_below(tmp_path) == before


def test_not_into_an_estate(estate: Path) -> None:
    before = files_below(estate)
    for folder in (estate, estate / "inner", estate / "docs/inner"):
        with pytest.raises(Refused, match="is an estate already"):
            new_estate(folder, Choice.of())
    assert files_below(estate) == before


def test_not_into_the_folder_that_the_person_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="the folder that you are in") as raised:
        new_estate(Path(), Choice.of())
    assert raised.value.remedy.endswith(f"drillbook estate.new {tmp_path.name}")


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for place in (Path("/proc/estate"), tmp_path / ("x" * 300), tmp_path / "loop"):
        with pytest.raises(UsageError, match="cannot be written"):
            new_estate(place, Choice.of())


@pytest.mark.parametrize("name", ["--help", "-h", "--name"])
def test_an_option_is_no_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # "estate.new --help" made a folder of that name, with an estate in it
    with pytest.raises(UsageError, match="reads as an option") as raised:
        new_estate(Path(name), Choice.of())
    assert "--help estate.new" in raised.value.remedy
    assert nothing_left(tmp_path)


def test_schemas_that_cannot_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "schemas").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        write_schemas(tmp_path)


def test_schemas_are_renewed(tmp_path: Path) -> None:
    root = new_estate(tmp_path / "e", Choice.of())
    assert write_schemas(root) == []
    (root / "schemas/drill.schema.json").write_text("{}")
    (root / "schemas/cmdb.schema.json").unlink()
    assert write_schemas(root) == ["schemas/cmdb.schema.json", "schemas/drill.schema.json"]
    assert write_schemas(root) == []


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_its_launcher_works_at_once_and_from_anywhere(estate: Path, tmp_path: Path) -> None:
    done = run(estate / "inv", "cmdb.check", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 items" in done.stdout


def test_its_launcher_takes_the_folders_own_environment_first(tmp_path: Path) -> None:
    root = new_estate(tmp_path / "e", Choice.of())
    own, elsewhere = root / ".venv/bin", tmp_path / "tools/bin"
    for place, names in ((own, ["invoke"]), (elsewhere, ["invoke", "drillbook"])):
        place.mkdir(parents=True)
        for name in names:
            (place / name).write_text(f'#!/bin/sh\necho "{place} {name} $*"\n')
            (place / name).chmod(0o755)
    linked = tmp_path / "links"
    linked.mkdir()
    (linked / "drillbook").symlink_to(elsewhere / "drillbook")
    path = f"{linked}:/usr/bin:/bin"
    assert run(root / "inv", "a", "b c", cwd=tmp_path, PATH=path).stdout == f"{own} invoke a b c\n"
    (own / "invoke").unlink()
    assert run(root / "inv", "a", cwd=tmp_path, PATH=path).stdout == f"{elsewhere} invoke a\n"
    (linked / "drillbook").unlink()
    assert "cmdb.check" in run(root / "inv", "--list", cwd=tmp_path, PATH=path).stdout


def test_its_launcher_says_what_is_missing(tmp_path: Path) -> None:
    root = new_estate(tmp_path / "folder with space", Choice.of())
    (root / ENVIRONMENT_NOTE).write_text("/nowhere/bin\n")
    done = run(root / "inv", "cmdb.check", cwd=tmp_path)
    assert done.returncode == ExitCode.PREREQUISITE
    assert ".venv/bin/pip install -r requirements.txt" in done.stderr


def test_the_commands_of_the_readme_exist(estate: Path) -> None:
    listed = run(estate / "inv", "--list", cwd=estate).stdout
    text = (estate / "README.md").read_text()
    named = set(re.findall(r"`(?:\./inv )?((?:cmdb|drills|runbooks|lab)\.[a-z]+)`", text))
    named |= set(re.findall(r"\./inv ([a-z]+\.[a-z]+)", text))
    assert all(command in listed for command in named - {"cmdb.yaml"}), named
    assert named >= {"drills.due", "drills.history", "drills.schedule", "cmdb.find", "cmdb.graph"}
    assert "`./inv drills`" in text
    shown = [line for line in text.splitlines() if line.startswith("    ") and " # " in line]
    assert {line.index(" # ") for line in shown} == {shown[0].index(" # ")}, "the comments stand below one another"
    assert "test" not in [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]


def test_the_command_drillbook_needs_no_checkout(tmp_path: Path) -> None:
    drill = [sys.executable, "-m", "drillbook"]
    assert run(*drill, "--version", cwd=tmp_path).stdout.split() == ["drillbook", drillbook.__version__]
    done = run(*drill, "estate.new", "mine", "--name", "Ours", "--pair", "orders", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "./inv runbooks.plan RB-DB-SWITCHOVER --param pair=orders" in done.stdout
    planned = run(*drill, "runbooks.plan", "RB-DB-SWITCHOVER", "--param", "pair=orders", cwd=tmp_path / "mine/drills")
    assert planned.returncode == 0, planned.stderr
    assert "orders-2" in planned.stdout
    again = run(*drill, "estate.new", "mine", cwd=tmp_path)
    assert again.returncode == ExitCode.REFUSED
    assert "Traceback" not in again.stderr


def test_the_environment_of_a_plan_is_the_lab_whatever_it_is_called(tmp_path: Path) -> None:
    root = new_estate(tmp_path / "e", Choice.of())
    for path in root.rglob("*.yaml"):
        if path.parent.name in ("cmdb.d", "drills"):
            text = path.read_text().replace("environment: lab\n", "environment: stage\n")
            path.write_text(re.sub(r"\blab: ", "stage: ", text))
    sites = root / "cmdb.d/sites.yaml"
    sites.write_text(sites.read_text().replace("  lab:\n", "  stage:\n"))
    assert run(root / "inv", "cmdb.inventory", cwd=root).returncode == 0
    (root / "inventories/lab/hosts.yml").unlink()
    (root / "inventories/lab").rmdir()
    done = run(root / "inv", "cmdb.check", cwd=root)
    assert done.returncode == 0, done.stderr
    done = run(root / "inv", "runbooks.plan", "RB-DB-SWITCHOVER", "--param", "pair=main-db", cwd=root)
    assert done.returncode == 0, done.stderr
    assert run(root / "inv", "drills.list", cwd=root).returncode == 0


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["cmdb.check"], ExitCode.OK, "0 services"),
        (["cmdb.list"], ExitCode.OK, ""),
        (["cmdb.inventory"], ExitCode.OK, ""),
        (["runbooks.list"], ExitCode.OK, "no runbooks"),
        (["drills.list"], ExitCode.OK, ""),
        (["drills.run", "any"], ExitCode.USAGE, "no drill 'any'"),
        (["runbooks.plan", "RB-ANY"], ExitCode.USAGE, "no runbook 'RB-ANY'"),
        (["lab.up"], ExitCode.USAGE, "no environment of kind lab"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_estate_of_one_line_is_one(tmp_path: Path, command: list[str], code: ExitCode, words: str) -> None:
    (tmp_path / "cmdb.yaml").write_text("organisation: Tiny\n")
    done = run(sys.executable, "-m", "drillbook", *command, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_the_start_of_an_estate_keeps_its_modes(estate: Path) -> None:
    assert os.access(estate / "inv", os.X_OK)
    assert (estate / ENVIRONMENT_NOTE).parent.stat().st_mode & 0o777 == 0o700
    assert (estate).stat().st_mode & 0o777 == 0o755
    assert len(load_all(estate)) == 4
