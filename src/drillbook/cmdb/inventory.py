"""The Ansible inventory of an environment, generated from the CMDB.

A host is in it when it has an operating system and an address in the environment. Values are plain
data: the rule ``template`` keeps out what Ansible would evaluate.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from drillbook.cmdb.addressing import hosts_of
from drillbook.cmdb.naming import CLASS_PREFIX, group_name
from drillbook.durable import replace_file
from drillbook.errors import DrillbookError, Finding
from drillbook.source import plain
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb, Entry

_FOLDER = "inventories"
_FILE = "hosts.yml"


def path_of(root: Path, environment: str) -> Path:
    """Give the place of an environment's inventory: ``inventories/<env>/hosts.yml`` below ``root``."""
    return root / _FOLDER / environment / _FILE


def inventory(cmdb: Cmdb, environment: str) -> dict[str, Any]:
    """Build the inventory of an environment as the value of Ansible's YAML plugin.

    Hosts have ``ansible_host``, ``ansible_user``, ``ansible_port`` and ``item`` (their id). Groups are
    made by class, site, function, service and protection; a group ``protection_<id>`` has the variable
    ``protection``: id, kind, service, members, service_address, replication, settings, snapshot. Of a host
    with several protections the hot standby's is the one that it sees.

    Raises UsageError when there is no such environment.
    """
    source = hosts_of(cmdb, environment)
    hosts = {
        item.id: _host(item, source)
        for item in cmdb.config_items
        if item.get("os") is not None and source in item.get("addresses", {})
    }
    groups: dict[str, dict[str, Any]] = {}

    def put(group: str, item: str) -> None:
        groups.setdefault(group, {}).setdefault("hosts", {})[item] = {}

    for id_ in hosts:
        item = cmdb.config_items[id_]
        put(CLASS_PREFIX + item.get("class"), id_)
        put(group_name("sites", item.get("site")), id_)
        for function in item.get("functions", ()):
            put(function, id_)
    for service in cmdb.services:
        for id_ in service.get("provided_by"):
            if id_ in hosts:
                put(group_name("services", service.id), id_)
    for protection in cmdb.protections:
        group = group_name("protections", protection.id)
        for id_ in protection.get("members").values():
            if id_ in hosts:
                put(group, id_)
        if group in groups:
            groups[group]["vars"] = {
                "ansible_group_priority": _PRIORITY[protection.get("kind")],
                "protection": _protection(protection, source),
            }
    return {"all": {"hosts": hosts, "vars": {"environment_id": environment}, "children": groups}}


# Ansible lets the group of the higher priority win where two set one variable.
_PRIORITY = {"hot_standby": 30, "cold_standby": 20, "backup": 10}


def _host(item: Entry, source: str) -> dict[str, Any]:
    ssh = item.get("ssh", {})
    return {
        "ansible_host": item.get("addresses")[source],
        "ansible_user": ssh.get("user", "root"),
        "ansible_port": ssh.get("port", 22),
        "item": item.id,
    }


def _protection(protection: Entry, source: str) -> dict[str, Any]:
    return {
        "id": protection.id,
        "kind": protection.get("kind"),
        "service": protection.get("service"),
        "members": plain(protection.get("members")),
        "service_address": protection.get("service_address", {}).get(source),
        "replication": protection.get("replication"),
        "settings": plain(protection.get("settings", {})),
        "snapshot": plain(protection.get("snapshot")),
    }


def inventory_text(cmdb: Cmdb, environment: str) -> str:
    """Give the text of an environment's inventory; the same CMDB gives the same text.

    Raises UsageError when there is no such environment.
    """
    lines = [
        "# Generated from the CMDB; do not edit. To make it anew:",
        f"#     ./inv cmdb.inventory --env {environment}",
        *_lines(inventory(cmdb, environment)),
    ]
    return "\n".join(lines) + "\n"


# What YAML 1.1, which Ansible reads, takes for a text without quotes and for nothing else.
_PLAIN = re.compile(r"[A-Za-z/_][A-Za-z0-9/_.-]*|[0-9]+(\.[0-9]+){3}")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})


class _Texts(dict[str, str]):
    """How each text is written; the same few stand in every host."""

    __slots__ = ()

    def __missing__(self, text: str) -> str:
        value = self[text] = _scalar(text)
        return value


def _lines(value: Mapping[str, Any]) -> list[str]:
    """Write mappings of mappings and scalars (forty times as fast as PyYAML, which matters to ``check``)."""
    lines: list[str] = []
    _put(lines, value, "", _Texts())
    return lines


def _put(lines: list[str], value: Mapping[str, Any], indent: str, texts: _Texts) -> None:
    for key, each in sorted(value.items()):
        if type(each) is str:
            lines.append(f"{indent}{texts[key]}: {texts[each]}")
        elif isinstance(each, dict) and each:
            lines.append(f"{indent}{texts[key]}:")
            _put(lines, each, indent + "  ", texts)
        else:
            lines.append(f"{indent}{texts[key]}: {_scalar(each)}")


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)  # JSON is YAML …
    if isinstance(value, float) and "e" in text and "." not in text:
        return text.replace("e", ".0e")  # … but in 1.1 a number with an exponent has a point
    return text


def stale(cmdb: Cmdb, environment: str, root: Path) -> bool:
    """Tell whether the written inventory of an environment is missing or not what the CMDB gives.

    Raises UsageError when there is no such environment.
    """
    return not _holds(path_of(root, environment), inventory_text(cmdb, environment))


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, UnicodeDecodeError):
        return False


def write(cmdb: Cmdb, environment: str, root: Path) -> bool:
    """Write the inventory of an environment, in one step, so that nobody reads half of it.

    Returns whether the file changed. Raises UsageError when there is no such environment, and
    DrillbookError when it cannot be written.
    """
    path, text = path_of(root, environment), inventory_text(cmdb, environment)
    if _holds(path, text):
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode(), mode=0o644)
    except OSError as error:
        raise DrillbookError(
            f"{_shown(root, path)} cannot be written: {error.strerror}",
            remedy="make the folder writable, and see that the disk is not full",
        ) from error
    return True


def _shown(root: Path, path: Path) -> str:
    return visible(path.relative_to(root).as_posix())


def stale_findings(cmdb: Cmdb, root: Path) -> list[Finding]:
    """Give a finding for each written inventory that is not what the CMDB gives."""
    findings = []
    for path in sorted((root / _FOLDER).glob(f"*/{_FILE}")):
        environment = path.parent.name
        if environment not in cmdb.environments:
            message = f"the CMDB has no environment '{visible(environment, limit=60)}'; remove this folder"
        elif stale(cmdb, environment, root):
            message = f"is not what the CMDB gives; run ./inv cmdb.inventory --env {environment}"
        else:
            continue
        findings.append(Finding(_shown(root, path), 1, "inventory-stale", message))
    return findings
