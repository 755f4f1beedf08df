"""Which keys an environment's hosts are reached with."""

from __future__ import annotations

import base64
from types import MappingProxyType
from typing import TYPE_CHECKING

import paramiko
import pytest

from drillbook.change.gate.gate import LabHost, permit_lab_hosts
from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.errors import UsageError
from drillbook.hosts.access import Access, access_by_record, known_hosts_text
from drillbook.lab import state
from drillbook.lab.access import lab_of_another
from drillbook.tasks.wiring import say_whose_lab

if TYPE_CHECKING:
    from pathlib import Path

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEv2l0mP5UmyDAlKZLB3kxg4A5rPpzgeYH4kPcbK9Xqs"
PERMISSION = permit_lab_hosts({"a": LabHost("10.9.0.1", KEY)})

SAMPLE = {
    "environments": {
        "lab": {"kind": "lab"},
        "rehearsal": {"kind": "rehearsal", "addresses_of": "lab"},
        "production": {"kind": "production"},
    },
    "config_items": {
        "a": {
            "addresses": {"lab": "10.9.0.1", "production": "198.18.0.1"},
            "host_keys": {"production": [f"{KEY} a comment"]},
        },
        "b": {
            "addresses": {"production": "198.18.0.2"},
            "ssh": {"port": 2222},
            "host_keys": {"production": [KEY]},
        },
        "c": {"addresses": {"production": "198.18.0.3"}},
    },
}


@pytest.fixture
def cmdb() -> Cmdb:
    made = []
    for name in SECTIONS:
        entries = {id_: Entry(name, id_, fields, "cmdb.yaml", 1) for id_, fields in SAMPLE.get(name, {}).items()}
        made.append(Section(name, entries))
    return Cmdb("x", *made, digest="sha256:00")


def test_other_hosts_have_the_keys_on_record(cmdb: Cmdb, tmp_path: Path) -> None:
    access = access_by_record(cmdb, "production", PERMISSION, folder=tmp_path)
    assert access == Access(tmp_path / "known_hosts-production", None, PERMISSION)
    assert access.known_hosts.read_text() == f"198.18.0.1,a {KEY}\n[198.18.0.2]:2222,[b]:2222 {KEY}\n"
    known = paramiko.HostKeys(str(access.known_hosts))
    key = paramiko.Ed25519Key(data=base64.b64decode(KEY.split()[1]))
    assert known.check("198.18.0.1", key)
    assert known.check("[198.18.0.2]:2222", key)
    assert not known.check("198.18.0.3", key)


def test_an_unknown_environment(cmdb: Cmdb) -> None:
    with pytest.raises(UsageError):
        known_hosts_text(cmdb, "moon")


def test_a_lab_that_another_checkout_made_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(state, "STATE_DIR", tmp_path)
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    assert lab_of_another(Access(state.KNOWN_HOSTS, None, PERMISSION), other) is None
    state.write_state(state.LabState("lab", own, "lab", "br", "10.9.0.0/24", "sha256:00", MappingProxyType({})))
    lab, elsewhere = (Access(file, None, PERMISSION) for file in (state.KNOWN_HOSTS, tmp_path / "known_hosts"))
    (tmp_path / "link").symlink_to(own)
    assert [lab_of_another(lab, root) for root in (own, tmp_path / "link", other)] == [None, None, own]
    assert lab_of_another(elsewhere, other) is None
    say_whose_lab(lab, own)
    assert capsys.readouterr().out == ""
    say_whose_lab(lab, other)
    said = "".join(capsys.readouterr().out.splitlines())
    assert "the lab of this machine was made by another checkout" in said
    assert "own" in said
