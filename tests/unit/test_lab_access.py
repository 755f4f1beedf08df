"""Which keys an environment's hosts are reached with."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import paramiko
import pytest

from drillbook.change.gate import LabHost, permit_lab_hosts
from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.errors import UsageError
from drillbook.hosts.access import Access, access_by_record, known_hosts_text

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
