"""A small CMDB that uses every field of the schema once."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from tests.cmdb_sample_policies import POLICIES
from tests.runbook_estate import text

if TYPE_CHECKING:
    from tests.nested import Data

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGEga2V5IG9mIG5vYm9keSwgZm9yIHRlc3RzIG9ubHku"
OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFub3RoZXIga2V5IG9mIG5vYm9keSwgZm9yIHRlc3Rz"


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
            "title": text("Head office"),
            "kind": "head_office",
            "address": text("1 Example Road"),
            "rooms": {
                "room-a": {
                    "title": text("Room A"),
                    "building": text("Main building"),
                    "racks": {"a1": {"units": 42}, "a2": {"units": 42}},
                },
                "room-b": {"title": text("Room B"), "racks": {"b1": {"units": 42}}},
            },
        },
    },
    "networks": {
        "lab-net": {"subnet": "10.213.0.0/24"},
        "prod-net": {
            "title": text("Servers"),
            "subnet": "198.18.0.0/24",
            "site": "hq",
            "vlan": 100,
            "gateway": "198.18.0.1",
        },
        "management-net": {"subnet": "198.18.1.0/24"},
    },
    "environments": {
        "lab": {
            "title": text("Lab"),
            "kind": "lab",
            "network": "lab-net",
            "image": {"suite": "bookworm", "packages": ["postgresql-15"]},
            "provision": "lab_hosts.yml",
        },
        "rehearsal": {"title": text("Rehearsal"), "kind": "rehearsal", "addresses_of": "lab"},
        "production": {
            "title": text("Production"),
            "kind": "production",
            "network": "prod-net",
            "other_networks": ["management-net"],
        },
    },
    "people": {
        "ann": {
            "name": text("Ann"),
            "title": text("Owner"),
            "roles": ["manage", "approve"],
            "contact": {"phone": "+1 202 555 0101", "email": "ann@example.test"},
            "forge": "ann-example",
            "signing_keys": [
                KEY,
                {"key": OTHER_KEY, "from": "2026-01-01", "until": "2026-12-31", "revoked": "2026-11-30"},
            ],
        },
        "dan": {
            "name": text("Dan"),
            "roles": ["operate"],
            "line": 2,
            "looks_after": ["postgresql"],
            "contact": {"phone": "+1 202 555 0102"},
        },
        "sue": {
            "name": text("Sue"),
            "roles": ["operate"],
            "line": 1,
            "duty": {"turn": 1, "of": 2},
            "contact": {"phone": "+1 202 555 0103"},
        },
        "vic": {
            "name": text("Vic"),
            "roles": ["vendor"],
            "line": 3,
            "vendor": "cedar",
            "contact": {"phone": "+1 202 555 0104"},
        },
    },
    "vendors": {
        "cedar": {
            "title": text("Cedar"),
            "phone": "+1 202 555 0110",
            "contacts": ["vic"],
            "contracts": {
                "servers": {
                    "title": text("Servers"),
                    "level": "7x24",
                    "answer_within": "1 h",
                    "on_site_within": "4 h",
                    "phone": "+1 202 555 0111",
                    "until": "2027-12-31",
                }
            },
        }
    },
    "policies": POLICIES,
    "config_items": {
        "db-1": {
            "class": "host",
            "title": text("Database 1"),
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
            "title": text("Database 2"),
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
            "title": text("Web"),
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
            "title": text("Spare"),
            "site": "hq",
            "room": "room-b",
            "rack": "b1",
            "owner": "ann",
            "os": {"family": "unix", "name": "debian", "version": "12"},
            "addresses": {"production": "198.18.0.29"},
        },
        "tapes-1": {"class": "tape_library", "title": text("Library"), "slots": 24, "site": "hq", "owner": "ann"},
        "ups-1": {"class": "ups", "title": text("UPS"), "site": "hq", "room": "room-a", "owner": "ann"},
    },
    "services": {
        "core": {
            "title": text("Core"),
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
            "title": text("Web"),
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
            "title": text("Pair"),
            "kind": "hot_standby",
            "service": "core",
            "members": {"primary": "db-1", "standby": "db-2"},
            "service_address": {"lab": "10.213.0.100", "production": "198.18.0.100"},
            "replication": "synchronous",
            "settings": {"port": 5432, "database": "core", "encrypted": True, "note": "plain"},
        },
        "core-tape": {
            "title": text("Tape"),
            "kind": "backup",
            "service": "core",
            "members": {"primary": "db-1", "library": "tapes-1"},
            "interval": "24 h",
            "media": ["tape-1"],
        },
        "web-spare": {
            "title": text("Cold spare"),
            "kind": "cold_standby",
            "service": "web",
            "members": {"primary": "web-1", "spare": "spare-1"},
            "interval": "24 h",
        },
    },
    "media": {
        "tape-1": {
            "title": text("Tape 1"),
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
    "spares": {"office-spare": {"title": text("Spare"), "item": "spare-1", "covers": ["web-1"]}},
}
