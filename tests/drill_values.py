"""A drill's file and a CMDB that it fits, for tests to break."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml

from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section
from drillbook.drill.load import load_drill
from drillbook.drill.rules import check_drill
from drillbook.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

    from drillbook.drill.model import Drill

RUNBOOKS = ("RB-FAILOVER", "RB-FAILBACK")
_DRILL: dict[str, Any] = {
    "drill": "db-failover",
    "title": {"en": "a title", "zh": "标题"},
    "kind": "functional",
    "service": "core",
    "environment": "lab",
    "scenario": {"en": "what happens", "zh": "情景"},
    "runbook": "RB-FAILOVER",
    "parameters": {"pair": "core-db"},
    "steady_state": [
        {
            "text": {"en": "db-1 is the primary", "zh": "主库"},
            "check": {
                "file": "checks/postgresql.py",
                "function": "is_primary",
                "on": "db-1",
                "arguments": {"port": "{protection.settings.port}"},
            },
        }
    ],
    "probes": [
        {"id": "users", "kind": "postgresql_writer", "from": "mon-1", "to": "service_address", "every": "5 ms"},
        {"id": "at-db-1", "kind": "postgresql_writer", "from": "mon-1", "to": "db-1", "every": "10 ms"},
        {"id": "at-db-2", "kind": "postgresql_writer", "from": "mon-1", "to": "db-2", "every": "10 ms"},
    ],
    "faults": [{"kind": "kill", "on": "db-1", "after": "3 s"}],
    "trigger": {"probe": "users", "down_for": "1 s"},
    "before": [{"runbook": "RB-FAILBACK"}],
    "afterwards": [{"runbook": "RB-FAILBACK", "parameters": {"pair": "core-db"}}],
    "timeout": "2 min",
}


def drill() -> dict[str, Any]:
    """A fresh copy of a drill that is right, as YAML holds it."""
    return copy.deepcopy(_DRILL)


def write(folder: Path, value: dict[str, Any], *, name: str = "db-failover") -> Path:
    """Write a drill's file."""
    path = folder / "drills" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False))
    return path


def cmdb() -> Cmdb:
    """A CMDB that the drill fits."""
    items = {
        "db-1": {"addresses": {"lab": "10.0.0.1"}, "in_lab": True, "room": "room-a"},
        "db-2": {"addresses": {"lab": "10.0.0.2"}, "in_lab": True, "room": "room-a"},
        "mon-1": {"addresses": {"lab": "10.0.0.3"}, "in_lab": True},
        "far-1": {"addresses": {"production": "10.9.0.1"}},
    }
    content: dict[str, dict[str, dict[str, Any]]] = {
        "sites": {"hq": {"rooms": {"room-a": {}, "room-b": {}}}},
        "config_items": items,
        "environments": {
            "lab": {"kind": "lab"},
            "rehearsal": {"kind": "rehearsal", "addresses_of": "lab"},
            "production": {"kind": "production"},
        },
        "services": {"core": {"rto": "60 s", "rpo": "0 s"}, "bare": {}},
        "protections": {
            "core-db": {
                "service": "core",
                "members": {"primary": "db-1", "standby": "db-2"},
                "service_address": {"lab": "10.0.0.100"},
                "settings": {"port": 5432, "database": "core"},
            },
            "other": {"service": "bare", "members": {}, "settings": {"port": 1, "database": "x"}},
            "empty": {"service": "core", "members": {"primary": "db-1"}},
        },
    }
    sections = {
        name: Section(
            name, {id_: Entry(name, id_, fields, "cmdb.yaml", 1) for id_, fields in content.get(name, {}).items()}
        )
        for name in SECTIONS
    }
    return Cmdb(organisation="Example", digest="sha256:" + "0" * 64, **sections)


def findings(folder: Path, value: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a drill, as ``rule: message``."""
    try:
        loaded = load_drill(write(folder, value))
    except InvalidInput as error:
        return [f"{each.rule}: {each.message}" for each in error.findings]
    return [f"{each.rule}: {each.message}" for each in check_drill(loaded, cmdb(), RUNBOOKS)]


def loaded(folder: Path, value: dict[str, Any]) -> Drill:
    """The drill of a value that is right."""
    return load_drill(write(folder, value))
