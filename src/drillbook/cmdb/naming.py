"""How ids become names of Ansible groups, which hold letters, digits and underscores only."""

from __future__ import annotations

_PREFIXES = {"sites": "site_", "services": "service_", "protections": "protection_"}

CLASS_PREFIX = "class_"

RESERVED_GROUPS = frozenset({"all", "ungrouped", "localhost"})
"""Groups and hosts that Ansible has of its own."""

RESERVED_PREFIXES = (CLASS_PREFIX, *_PREFIXES.values())
"""Beginnings of groups that are made from classes, sites, services and protections."""


def group_name(section: str, id_: str) -> str:
    """Give the group of a site, service or protection: ``protection_my_pair`` of ``my-pair``."""
    return _PREFIXES[section] + id_.replace("-", "_").replace(".", "_")
