"""A small estate in code: a pair of hosts, an observer, and runbooks that keep every rule."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import yaml

from drillbook.cmdb.model import SECTIONS, Cmdb, Entry, Section

if TYPE_CHECKING:
    from pathlib import Path

CHECKS = '''"""Checks."""


def is_primary(host, *, port):
    """It takes writes; pg_promote in a docstring is no promotion."""


def is_standby(host, port, lag=0):
    """It is in recovery."""


def stopped(host, unit):
    """It does not run."""


def anything(host, **values):
    """It takes every argument."""


def no_host(port):
    """It is no check."""
'''

PLAYBOOK = """# promote stands in a comment only
- hosts: all
  roles: [rejoin]
"""


class _Plain(yaml.CSafeDumper):
    """Writes a value out each time that it occurs: the loader reads no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(value: Any) -> str:
    return yaml.dump(value, Dumper=_Plain, sort_keys=False, allow_unicode=True)


def text(en: str = "text", zh: str = "文字") -> dict[str, str]:
    return {"en": en, "zh": zh}


def check(function: str = "is_primary", on: str | None = "standby", **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"file": "checks/db.py", "function": function}
    if on is not None:
        found["on"] = on
    if arguments:
        found["arguments"] = arguments
    return found


PORT = "{protection.settings.port}"


def failover() -> dict[str, Any]:
    """Give a failover with a step of most kinds."""
    return copy.deepcopy(
        {
            "runbook": "RB-FAILOVER",
            "title": text("Fail over", "故障切换"),
            "kind": "failover",
            "signs": [text("The primary is gone.", "主机失效。")],
            "parameters": {
                "pair": {"type": "protection", "description": text("the pair", "双机")},
                "primary": {
                    "type": "item",
                    "description": text("the lost member", "失效的主机"),
                    "default": "{protection.members.primary}",
                },
            },
            "protection": "{parameters.pair}",
            "roles": {
                "primary": {"item": "{parameters.primary}", "reachable": False},
                "standby": {"other_than": "primary"},
                "observer": {"item": "watch-1"},
            },
            "assumptions": [{"text": text("it is a standby", "是备库"), "check": check("is_standby", port=PORT)}],
            "steps": [
                {
                    "id": "fence",
                    "title": text("Fence", "隔离"),
                    "verb": "fence",
                    "on": "primary",
                    "fence": {"witnesses": ["standby", "observer"], "silent_ports": [PORT, 22]},
                    "undo": {"irreversible": text("it is off", "已断电")},
                    "timeout": "20 s",
                    "repeat": "safe",
                    "by_hand": [{"do": "switch {primary.id} off", "see": text("dark", "熄灭")}],
                },
                {
                    "id": "promote",
                    "title": text("Promote", "提升"),
                    "verb": "promote",
                    "on": "standby",
                    "run": {"sql": "select pg_promote(true, 30);", "database": "postgres"},
                    "verify": [check("is_primary", None, port=PORT)],
                    "undo": {"irreversible": text("it takes writes", "已接受写入")},
                    "timeout": "1 min",
                    "repeat": "check",
                    "by_hand": [{"on": "standby", "do": "pg_ctl promote", "see": text("promoted", "已提升")}],
                },
                {
                    "id": "address",
                    "title": text("Move the address", "切换地址"),
                    "verb": "publish",
                    "on": "standby",
                    "run": {
                        "script": 'ip address replace "$1/24" dev "$2"\n',
                        "values": ["{protection.service_address}", "{protection.settings.interface}"],
                    },
                    "undo": {"run": {"argv": ["ip", "address", "del", "{protection.service_address}"]}},
                    "timeout": "500 ms",
                    "repeat": "safe",
                    "by_hand": [{"do": "ip address add {protection.service_address}", "see": text()}],
                },
                {
                    "id": "look",
                    "title": text("Look", "查看"),
                    "verb": "verify",
                    "wait": {**check("is_primary", port=PORT), "interval": "50 ms"},
                    "timeout": "10 s",
                    "by_hand": [{"do": "psql -c 'select 1'", "see": text()}],
                },
                {
                    "id": "tell",
                    "title": text("Tell the users", "通知用户"),
                    "verb": "publish",
                    "manual": text("Call the desk.", "致电服务台。"),
                    "undo": "nothing",
                    "timeout": "5 min",
                },
            ],
        }
    )


def switchover() -> dict[str, Any]:
    """Give a switchover, which demotes with a proof in place of fencing."""
    book = failover()
    book["runbook"] = "RB-SWITCH"
    book["kind"] = "switchover"
    book["roles"]["primary"]["reachable"] = True
    book["steps"][0] = {
        "id": "stop",
        "title": text("Stop the primary", "停主库"),
        "verb": "demote",
        "on": "primary",
        "run": {"argv": ["systemctl", "stop", "{protection.settings.unit}"]},
        "verify": [check("stopped", None, unit="{protection.settings.unit}")],
        "undo": {"run": {"argv": ["systemctl", "start", "{protection.settings.unit}"]}},
        "timeout": "20 s",
        "repeat": "safe",
        "by_hand": [{"on": "primary", "do": "systemctl stop core", "see": text()}],
    }
    return book


def failback() -> dict[str, Any]:
    """Give a failback that switches the host on, rebuilds it with a playbook and calls the switchover."""
    book = failover()
    book["runbook"] = "RB-FAILBACK"
    book["kind"] = "failback"
    common = {"on": "primary", "timeout": "60 min", "repeat": "safe"}
    hands = {"by_hand": [{"do": "do it", "see": text()}]}
    book["steps"] = [
        {
            "id": "power",
            "title": text(),
            "verb": "ensure",
            "power": "on",
            "undo": "nothing",
            **common,
            **hands,
        },
        {
            "id": "rebuild",
            "title": text(),
            "verb": "join",
            "playbook": {"file": "rejoin.yml", "variables": {"port": PORT, "from": "{standby.address}"}},
            "verify": [check("is_standby", "primary", port=PORT, lag=1)],
            "undo": {"irreversible": text("its old data are gone", "旧数据已清除")},
            **common,
            **hands,
        },
        {
            "id": "switch",
            "title": text(),
            "verb": "ensure",
            "runbook": {
                "id": "RB-SWITCH",
                "parameters": {"pair": "{parameters.pair}", "primary": "{standby.id}"},
            },
        },
    ]
    book["roles"].pop("observer")
    return book


def apart() -> dict[str, Any]:
    """Give a switchover there and back, as two independent calls of which the second needs the first."""
    book = failback()
    book["runbook"] = "RB-APART"
    book["roles"] = {}
    book.pop("assumptions")
    book.pop("protection")
    book["parameters"]["primary"].pop("default")
    there = {"pair": "{parameters.pair}", "primary": "{parameters.primary}"}
    back = {"pair": "{parameters.pair}"}
    book["steps"] = [
        {
            "id": "switch",
            "title": text(),
            "verb": "ensure",
            "runbook": {"id": "RB-SWITCH", "parameters": there, "independent": True},
        },
        {
            "id": "again",
            "title": text(),
            "verb": "ensure",
            "runbook": {"id": "RB-SWITCH", "parameters": back, "independent": True, "after": ["switch"]},
        },
    ]
    return book


def write_estate(folder: Path, *books: dict[str, Any]) -> Path:
    """Write runbooks and what they call; give the estate's root."""
    (folder / "runbooks").mkdir(parents=True, exist_ok=True)
    (folder / "playbooks/checks").mkdir(parents=True, exist_ok=True)
    (folder / "playbooks/roles/rejoin/tasks").mkdir(parents=True, exist_ok=True)
    (folder / "playbooks/checks/db.py").write_text(CHECKS)
    (folder / "playbooks/rejoin.yml").write_text(PLAYBOOK)
    (folder / "playbooks/roles/rejoin/tasks/main.yml").write_text("- command: pg_rewind\n")
    for book in books:
        path = folder / "runbooks" / f"{book.get('runbook', 'RB-X')}.yaml"
        path.write_text(as_yaml(book))
    return folder


def entries(**fields: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give entries by id; underscores in the names are dashes."""
    return {name.replace("_", "-"): value for name, value in fields.items()}


def estate() -> dict[str, dict[str, Any]]:
    """Give the sections of a small CMDB as plain values."""

    def host(number: int) -> dict[str, Any]:
        return {
            "class": "host",
            "title": text(),
            "site": "hq",
            "owner": "ann",
            "serial": f"S{number}",
            "rack": "r1",
            "addresses": {"lab": f"10.0.0.{number}", "production": f"198.18.0.{number}"},
            "power": {"lab": {"kind": "lab"}},
        }

    return {
        "environments": {
            "lab": {"kind": "lab", "title": text(), "network": "net"},
            "rehearsal": {"kind": "rehearsal", "title": text(), "addresses_of": "lab"},
            "production": {"kind": "production", "title": text(), "network": "net"},
        },
        "config_items": entries(db_1=host(1), db_2=host(2), watch_1=host(3), spare_1=host(4)),
        "services": {
            "core": {"title": text(), "tier": 1, "rto": "60 s", "rpo": "0 s", "provided_by": ["db-1", "db-2"]},
            "front": {"title": text(), "tier": 2, "provided_by": ["watch-1"], "depends_on": ["core"]},
            "report": {"title": text(), "tier": 3, "provided_by": [], "depends_on": ["front"]},
            "mail": {"title": text(), "tier": 2, "provided_by": ["spare-1"]},
        },
        "protections": {
            "pair": {
                "kind": "hot_standby",
                "title": text(),
                "service": "core",
                "members": {"primary": "db-1", "standby": "db-2"},
                "service_address": {"lab": "10.0.0.100", "production": "198.18.0.100"},
                "replication": "synchronous",
                "settings": {"port": 5432, "unit": "core.service", "interface": "eth0", "quick": True},
            },
            "spare": {
                "kind": "cold_standby",
                "title": text(),
                "service": "mail",
                "members": {"primary": "db-2", "spare": "spare-1"},
                "settings": {"unit": "x.service", "interface": "eth0", "port": 25},
                "service_address": {"lab": "10.0.0.101"},
            },
        },
    }


def cmdb_of(sections: dict[str, dict[str, Any]]) -> Cmdb:
    """Build a CMDB from plain values, without files and without rules."""

    def section(name: str) -> Section:
        found = {
            id_: Entry(section=name, id=id_, fields=fields, file="cmdb.yaml", line=number)
            for number, (id_, fields) in enumerate(sections.get(name, {}).items(), start=1)
        }
        return Section(name, found)

    return Cmdb(organisation="Test", digest="sha256:0", **{name: section(name) for name in SECTIONS})
