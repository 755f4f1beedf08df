"""A small CMDB that uses every field of the schema once, and ways to write it down and to break it."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import yaml

from drillbook.cmdb.load import load
from drillbook.errors import Finding, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Data = dict[str, Any]
Place = tuple[str | int, ...]

_TOP = ("sites", "networks", "environments", "vendors", "policies")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGEga2V5IG9mIG5vYm9keSwgZm9yIHRlc3RzIG9ubHku"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFub3RoZXIga2V5IG9mIG5vYm9keSwgZm9yIHRlc3Rz"


def _text(en: str) -> Data:
    return {"en": en, "zh": "文字"}


def _redfish(number: int) -> Data:
    return {
        "kind": "redfish",
        "url": f"https://198.18.1.{number}",
        "system": "/redfish/v1/Systems/1",
        "user": "power",
        "secret_file": "/etc/secrets/power",
        "ca_file": "/etc/secrets/ca.pem",
    }


def sample() -> Data:
    """Give a fresh copy."""
    return copy.deepcopy(_SAMPLE)


_SAMPLE: Data = {
    "organisation": "Example",
    "sites": {
        "hq": {
            "title": _text("Head office"),
            "kind": "head_office",
            "address": _text("1 Example Road"),
            "rooms": {
                "room-a": {
                    "title": _text("Room A"),
                    "building": _text("Main building"),
                    "racks": {"a1": {"units": 42}, "a2": {"units": 42}},
                },
                "room-b": {"title": _text("Room B"), "racks": {"b1": {"units": 42}}},
            },
        },
    },
    "networks": {
        "lab-net": {"subnet": "10.213.0.0/24"},
        "prod-net": {
            "title": _text("Servers"),
            "subnet": "198.18.0.0/24",
            "site": "hq",
            "vlan": 100,
            "gateway": "198.18.0.1",
        },
        "management-net": {"subnet": "198.18.1.0/24"},
    },
    "environments": {
        "lab": {
            "title": _text("Lab"),
            "kind": "lab",
            "network": "lab-net",
            "image": {"suite": "bookworm", "packages": ["postgresql-15"]},
            "provision": "lab_hosts.yml",
        },
        "rehearsal": {"title": _text("Rehearsal"), "kind": "rehearsal", "addresses_of": "lab"},
        "production": {
            "title": _text("Production"),
            "kind": "production",
            "network": "prod-net",
            "other_networks": ["management-net"],
        },
    },
    "people": {
        "ann": {
            "name": _text("Ann"),
            "title": _text("Owner"),
            "roles": ["manage", "approve"],
            "contact": {"phone": "+1 202 555 0101", "email": "ann@example.test"},
            "forge": "ann-example",
            "signing_keys": [
                KEY,
                {"key": OTHER_KEY, "from": "2026-01-01", "until": "2026-12-31", "revoked": "2026-11-30"},
            ],
        },
        "dan": {
            "name": _text("Dan"),
            "roles": ["operate"],
            "line": 2,
            "looks_after": ["postgresql"],
            "contact": {"phone": "+1 202 555 0102"},
        },
        "sue": {
            "name": _text("Sue"),
            "roles": ["operate"],
            "line": 1,
            "duty": {"turn": 1, "of": 2},
            "contact": {"phone": "+1 202 555 0103"},
        },
        "vic": {
            "name": _text("Vic"),
            "roles": ["vendor"],
            "line": 3,
            "vendor": "cedar",
            "contact": {"phone": "+1 202 555 0104"},
        },
    },
    "vendors": {
        "cedar": {
            "title": _text("Cedar"),
            "phone": "+1 202 555 0110",
            "contacts": ["vic"],
            "contracts": {
                "servers": {
                    "title": _text("Servers"),
                    "level": "7x24",
                    "answer_within": "1 h",
                    "on_site_within": "4 h",
                    "phone": "+1 202 555 0111",
                    "until": "2027-12-31",
                }
            },
        }
    },
    "policies": {
        "outage-budget": {
            "title": _text("Outage"),
            "yearly": "72 h",
            "answer_within": "1 h",
            "on_site_within": "2 h",
        },
        "drill-intervals": {
            "title": _text("Drills"),
            "by_tier": {"1": "31 d", "2": "92 d", "3": "183 d"},
            "by_service": {"core": "14 d"},
            "lead": "3 d",
        },
        "approvals": {
            "title": _text("Approvals"),
            "rules": {
                "runs": {
                    "title": _text("Runs"),
                    "subjects": ["runbook"],
                    "environments": ["rehearsal", "production"],
                    "types": ["normal"],
                    "approvals": 1,
                    "requested_by": ["operate"],
                    "approved_by": ["approve"],
                    "run_by": ["operate"],
                    "valid_for": "14 d",
                },
                "core-runs": {
                    "subjects": ["runbook"],
                    "tiers": [1],
                    "classes": ["host"],
                    "approvals": 1,
                    "requested_by": ["operate"],
                    "approved_by": ["manage"],
                    "run_by": ["operate"],
                    "valid_for": "7 d",
                },
                "files": {
                    "subjects": ["configuration"],
                    "approvals": 1,
                    "requested_by": ["operate"],
                    "approved_by": ["approve"],
                    "valid_for": "14 d",
                },
                "authority": {
                    "subjects": ["configuration"],
                    "paths": ["cmdb.yaml", "cmdb.d/rest.yaml", ".github/", "CODEOWNERS", "runbooks/", "playbooks/"],
                    "approvals": 1,
                    "requested_by": ["operate"],
                    "approved_by": ["manage"],
                    "valid_for": "7 d",
                },
            },
        },
        "pre-approved": {
            "title": _text("Standard changes"),
            "changes": {
                "monthly": {
                    "title": _text("Monthly switchover"),
                    "runbook": "RB-SWITCH",
                    "environment": "rehearsal",
                    "parameters": {"pair": "core-pair", "number": 1},
                    "from": "2026-07-01",
                    "until": "2027-06-30",
                    "run_by": ["operate"],
                }
            },
        },
        "emergencies": {
            "title": _text("Emergencies"),
            "at_most": 3,
            "within": "30 d",
            "review_within": "3 d",
            "run_by": ["operate"],
            "approved_by": ["approve"],
            "settled": ["CHG-2026-0007"],
        },
        "freeze-periods": {
            "title": _text("Freezes"),
            "periods": {
                "year-end": {
                    "title": _text("Year end"),
                    "from": "2026-12-24",
                    "until": "2027-01-05",
                    "environments": ["production"],
                    "on_duty": ["dan"],
                }
            },
        },
        "protection-limits": {
            "title": _text("Limits"),
            "shortest_rto": {"hot_standby": "30 s", "cold_standby": "30 min", "backup": "4 h"},
            "asynchronous_rpo": "1 min",
            "spare_covers": 3,
        },
        "accepted-single-failures": {
            "title": _text("Accepted"),
            "accepted": {
                "one-ups": {
                    "title": _text("A second one is ordered"),
                    "by": "ann",
                    "until": "2027-06-30",
                    "failures": ["ups-1", "room-a/a1", "hq"],
                    "services": ["core"],
                    "tiers": [1],
                    "reasons": ["nothing", "lost"],
                }
            },
        },
        "production-addresses": {"title": _text("Ranges"), "only_in": ["198.18.0.0/15", "2001:db8::/32"]},
    },
    "config_items": {
        "db-1": {
            "class": "host",
            "title": _text("Database 1"),
            "site": "hq",
            "room": "room-a",
            "rack": "a1",
            "brand": "Cedar",
            "model": "R1",
            "serial": "C-1",
            "grade": "enterprise",
            "warranty": {"level": "7x24", "until": "2028-06-30"},
            "service_level": "7x24",
            "owner": "ann",
            "vendor": "cedar",
            "contract": "servers",
            "baseline": "debian-12-db",
            "depends_on": ["ups-1"],
            "os": {"family": "unix", "name": "debian", "version": "12"},
            "addresses": {"lab": "10.213.0.11", "production": "198.18.0.11"},
            "ssh": {"user": "root", "port": 22},
            "host_keys": {"production": [KEY]},
            "power": {"lab": {"kind": "lab"}, "production": _redfish(11)},
            "functions": ["postgresql"],
            "in_lab": True,
            "software": {"postgresql": "15"},
        },
        "db-2": {
            "class": "host",
            "title": _text("Database 2"),
            "site": "hq",
            "room": "room-b",
            "rack": "b1",
            "brand": "Cedar",
            "serial": "C-2",
            "owner": "ann",
            "os": {"family": "unix", "name": "debian", "version": "12"},
            "addresses": {"lab": "10.213.0.12", "production": "198.18.0.12"},
            "power": {
                "lab": {"kind": "lab"},
                "production": {
                    "kind": "ipmi",
                    "address": "198.18.1.12",
                    "port": 6230,
                    "user": "power",
                    "secret_file": "secrets/power",
                },
            },
            "functions": ["postgresql"],
            "in_lab": True,
        },
        "web-1": {
            "class": "host",
            "title": _text("Web"),
            "site": "hq",
            "room": "room-a",
            "rack": "a2",
            "owner": "ann",
            "os": {"family": "unix", "name": "debian", "version": "12"},
            "addresses": {"production": "198.18.0.21"},
            "functions": ["nginx"],
            "ring": 1,
        },
        "spare-1": {
            "class": "host",
            "title": _text("Spare"),
            "site": "hq",
            "room": "room-b",
            "rack": "b1",
            "owner": "ann",
            "os": {"family": "unix", "name": "debian", "version": "12"},
            "addresses": {"production": "198.18.0.29"},
        },
        "tapes-1": {"class": "tape_library", "title": _text("Library"), "slots": 24, "site": "hq", "owner": "ann"},
        "ups-1": {"class": "ups", "title": _text("UPS"), "site": "hq", "room": "room-a", "owner": "ann"},
    },
    "services": {
        "core": {
            "title": _text("Core"),
            "tier": 1,
            "hours": "7x24",
            "rto": "60 s",
            "rpo": "0 s",
            "provided_by": ["db-1", "db-2"],
            "owner": "ann",
            "notify": ["ann", "dan"],
            "vendor": "cedar",
            "contract": "servers",
        },
        "web": {
            "title": _text("Web"),
            "tier": 2,
            "rto": "1 h",
            "rpo": "24 h",
            "depends_on": ["core"],
            "provided_by": ["web-1"],
            "owner": "ann",
        },
    },
    "protections": {
        "core-pair": {
            "title": _text("Pair"),
            "kind": "hot_standby",
            "service": "core",
            "members": {"primary": "db-1", "standby": "db-2"},
            "service_address": {"lab": "10.213.0.100", "production": "198.18.0.100"},
            "replication": "synchronous",
            "settings": {"port": 5432, "database": "core", "encrypted": True, "note": "plain"},
        },
        "core-tape": {
            "title": _text("Tape"),
            "kind": "backup",
            "service": "core",
            "members": {"primary": "db-1", "library": "tapes-1"},
            "interval": "24 h",
            "media": ["tape-1"],
        },
        "web-spare": {
            "title": _text("Cold spare"),
            "kind": "cold_standby",
            "service": "web",
            "members": {"primary": "web-1", "spare": "spare-1"},
            "interval": "24 h",
        },
    },
    "media": {
        "tape-1": {
            "title": _text("Tape 1"),
            "barcode": "EXA001L8",
            "format": "LTO-8",
            "site": "hq",
            "library": "tapes-1",
            "slot": 3,
            "cycle": "weekly",
            "written": "2026-11-20",
            "keep_until": "2026-12-20",
        }
    },
    "spares": {"office-spare": {"title": _text("Spare"), "item": "spare-1", "covers": ["web-1"]}},
}


class _Dumper(yaml.CSafeDumper):
    """Quotes what YAML 1.2 takes for a number and 1.1 does not; writes everything out."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _quoted(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    looks_so = re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", value)
    style = '"' if looks_so else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _quoted)


def write(root: Path, data: Data) -> Path:
    """Write a CMDB as ``cmdb.yaml`` and ``cmdb.d/rest.yaml`` below ``root``, and what it names; give ``root``."""
    (root / "cmdb.d").mkdir(exist_ok=True)
    (root / "runbooks").mkdir(exist_ok=True)
    (root / "runbooks/RB-SWITCH.yaml").touch()
    (root / "playbooks").mkdir(exist_ok=True)
    top = {"organisation": data["organisation"], "include": ["cmdb.d/rest.yaml"]}
    top |= {name: data[name] for name in _TOP if name in data}
    rest = {name: value for name, value in data.items() if name not in top}
    for path, content in ((root / "cmdb.yaml", top), (root / "cmdb.d/rest.yaml", rest)):
        path.write_text(
            yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100_000), encoding="utf-8"
        )
    return root


def file_of(place: Place) -> str:
    """Give the file that ``write`` puts a place in."""
    return "cmdb.yaml" if place[0] in ("organisation", *_TOP) else "cmdb.d/rest.yaml"


def findings(root: Path) -> list[Finding]:
    """Give what ``load`` finds; empty when it finds nothing."""
    try:
        load(root)
    except InvalidInput as error:
        return list(error.findings)
    return []


def line_of(root: Path, finding: Finding) -> str:
    """Give the text of the line that a finding points to."""
    return (root / finding.file).read_text(encoding="utf-8").splitlines()[finding.line - 1]


def at(data: Data, place: Place) -> Any:
    """Give the value at a place."""
    node: Any = data
    for part in place:
        node = node[part]
    return node


def put(data: Data, place: Place, value: Any) -> Data:
    """Set the value at a place; give the data."""
    at(data, place[:-1])[place[-1]] = copy.deepcopy(value)
    return data


def drop(data: Data, place: Place) -> Data:
    """Take the value at a place away; give the data."""
    del at(data, place[:-1])[place[-1]]
    return data


def strings(node: Any, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Give every text below a value with its place."""
    if isinstance(node, str):
        yield place, node
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from strings(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from strings(value, (*place, index))


def mappings(node: Any, place: Place = ()) -> Iterator[Place]:
    """Give the place of every mapping below a value, its own first."""
    if isinstance(node, dict):
        yield place
        for key, value in node.items():
            yield from mappings(value, (*place, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from mappings(value, (*place, index))
