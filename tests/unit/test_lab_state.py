"""What the lab remembers, and what it says where it cannot be."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import MappingProxyType
from typing import Self

import pytest

from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.errors import ExitCode, InvalidInput, MissingPrerequisite, UsageError
from drillbook.lab import lifecycle, machine, network, state, timings
from drillbook.lab.image import BASE_PACKAGES, Recipe
from drillbook.lab.spec import HostSpec, specs_from
from drillbook.lab.state import LabHost, LabState, read_state, write_file, write_state

LAB = LabState(
    name="drillbook-lab",
    checkout=Path("/somewhere"),
    environment="lab",
    network="drillbook-lab",
    subnet="10.9.0.0/24",
    recipe="sha256:00",
    hosts=MappingProxyType({"db-1": LabHost("db-1", "10.9.0.11", "c" * 64)}),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(state, "STATE_DIR", tmp_path)
    monkeypatch.setattr(timings, "STATE_DIR", tmp_path)
    return tmp_path


def cmdb(**sections: dict[str, dict[str, object]]) -> Cmdb:
    made = (
        Section(name, {id_: Entry(name, id_, fields, "cmdb.yaml", 7) for id_, fields in sections.get(name, {}).items()})
        for name in SECTIONS
    )
    return Cmdb("x", *made, digest="sha256:00")


def test_state_is_kept_for_root_alone(folder: Path) -> None:
    write_state(LAB)
    assert read_state() == LAB
    assert stat.S_IMODE((folder / "lab.json").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["lab.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [(None, "the lab is not up"), ("{", "damaged"), ("[]", "damaged"), ('{"version": 0}', "another version")],
)
def test_where_there_is_no_lab_the_command_is_named(folder: Path, text: str | None, said: str) -> None:
    if text is not None:
        (folder / "lab.json").write_text(text)
    with pytest.raises(MissingPrerequisite, match=said) as caught:
        read_state()
    assert caught.value.remedy == "./inv lab.up"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, "old", mode=0o644)
    with pytest.raises(UnicodeEncodeError):
        write_file(path, "new \ud800")
    assert path.read_text() == "old"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_without_root_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    nothing = cmdb()
    for call in (
        lambda: lifecycle.up(nothing, environment="lab", root=tmp_path, progress=None),  # type: ignore[arg-type]
        lambda: lifecycle.status(nothing, "lab", root=tmp_path),
        lambda: lifecycle.down(root=tmp_path),
    ):
        with pytest.raises(MissingPrerequisite, match="needs root") as caught:
            call()
        assert caught.value.remedy == "sudo ./inv lab.up"
        assert caught.value.exit_code is ExitCode.PREREQUISITE


def test_without_apt_the_packages_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "PATH", str(tmp_path))
    missing = machine.missing_packages()
    assert {"podman", "crun", "mmdebstrap", "nftables", "openssh-client"} <= set(missing)
    with pytest.raises(MissingPrerequisite, match=r"no apt-get, and the lab needs: .*podman"):
        machine.install(missing, None)  # type: ignore[arg-type]


def test_packages_that_cannot_be_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """apt-get of a machine that may not: it says why, and we say what to type."""
    from tests.lab.conftest import Silent

    apt = tmp_path / "apt-get"
    apt.write_text("#!/bin/sh\necho 'E: Unable to locate package' >&2\nexit 100\n")
    apt.chmod(0o755)
    monkeypatch.setattr(machine, "PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(MissingPrerequisite, match="Unable to locate package") as caught:
        machine.install(["crun", "podman"], Silent())
    assert caught.value.remedy == "apt-get update && apt-get install --no-install-recommends crun podman"


def test_limits_are_stated_and_never_above_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, 1000))
    assert machine.limits() == ["--ulimit", "nofile=1000:1000", "--ulimit", "nproc=1000:1000"]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10, resource.RLIM_INFINITY))
    assert machine.limits() == ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4000:4000"]


def test_an_image_is_named_after_all_that_is_in_it() -> None:
    one = Recipe.from_fields({"suite": "bookworm", "packages": ["a", "b"]})
    assert one.tag == Recipe.from_fields({"suite": "bookworm", "packages": ["b", "a", "dbus"]}).tag
    assert one.tag != Recipe.from_fields({"suite": "bookworm", "packages": ["a"]}).tag
    assert one.tag != Recipe.from_fields({"suite": "trixie", "packages": ["a", "b"]}).tag
    assert set(BASE_PACKAGES) < set(one.packages)
    assert len(one.tag) == 12
    assert one.store.name == one.tag


def test_names_of_cables_fit_the_kernel_and_differ() -> None:
    names = [network.cable(address) for address in ("10.213.0.11", "10.213.0.110", "255.255.255.254")]
    assert names == ["dl-0ad5000b", "dl-0ad5006e", "dl-fffffffe"]
    assert all(len(name) < 16 for name in names)
    assert network.gateway("10.213.0.0/24") == "10.213.0.1/24"


def test_hosts_are_those_that_the_cmdb_marks() -> None:
    environments = {
        "lab": {"kind": "lab", "network": "n", "image": {"suite": "bookworm", "packages": []}},
        "rehearsal": {"kind": "rehearsal", "addresses_of": "lab"},
        "production": {"kind": "production"},
    }
    items = {
        "a": {"in_lab": True, "addresses": {"lab": "10.9.0.1"}, "ssh": {"port": 2222}},
        "b": {"in_lab": True, "addresses": {"lab": "10.9.0.2", "production": "198.18.0.2"}},
        "c": {"in_lab": False, "addresses": {"lab": "10.9.0.3"}},
        "d": {"in_lab": True, "addresses": {"production": "198.18.0.4"}},
    }
    whole = cmdb(environments=environments, config_items=items)
    wanted = (HostSpec("a", "10.9.0.1", 2222), HostSpec("b", "10.9.0.2", 22))
    assert specs_from(whole, "lab") == wanted
    assert specs_from(whole, "rehearsal") == wanted
    with pytest.raises(InvalidInput) as caught:
        specs_from(cmdb(environments=environments), "lab")
    assert [(each.file, each.line) for each in caught.value.findings] == [("cmdb.yaml", 7)]


def test_only_a_lab_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    whole = cmdb(environments={"lab": {"kind": "lab"}, "production": {"kind": "production"}})
    with pytest.raises(UsageError, match="'production' is not an environment that the lab can make") as caught:
        lifecycle.up(whole, environment="production", root=tmp_path, progress=None)  # type: ignore[arg-type]
    assert caught.value.remedy == "those are: lab"


class Watcher:
    """A progress that keeps how long each phase was said to take."""

    def __init__(self) -> None:
        self.said: list[float | None] = []

    def phase(self, title: str, *, usual: float | None = None) -> Watcher:
        self.said.append(usual)
        return self

    def note(self, text: str) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def test_usual_durations_are_medians_of_phases_that_ended_well(folder: Path) -> None:
    (folder / "timings.json").write_text('{"a": [1.0, 100.0, 3.0]}')
    watcher = Watcher()
    for title in ("a", "b"):
        with timings.phase(watcher, title):
            pass
    with pytest.raises(ZeroDivisionError), timings.phase(watcher, "c"):
        raise ZeroDivisionError
    for title in ("b", "c"):
        with timings.phase(watcher, title):
            pass
    assert watcher.said[:3] == [3.0, None, None]
    assert watcher.said[3] is not None
    assert watcher.said[4] is None


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_damaged_timings_are_no_reason_to_stop(folder: Path, text: str) -> None:
    (folder / "timings.json").write_text(text)
    with timings.phase(Watcher(), "a"):
        pass
    assert '"a"' in (folder / "timings.json").read_text()
