"""Estates of any size, made from a seed: what a large organisation would write, in many files.

An office of every 200 items or so, with rooms, racks and a network of its own; hosts, clients and equipment with about
twelve fields each; services in tiers that depend on each other, pairs, spares and tapes that protect them; people of
three lines; vendors with contracts. The estate has no finding. The text is written as a person writes it: block
mappings, with short ones in braces.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PER_SITE = 200
SITES_IN_A_FILE = 25
SERVICES_OF_A_SITE = 5
_BASE = int(ipaddress.ip_address("198.18.0.0"))
_EQUIPMENT = ("l3_switch", "router", "firewall", "line_printer", "disk_array", "wireless_controller")
_FUNCTIONS = ("postgresql", "nginx", "postfix", "squid", "application_server", "openldap", "bacula")
_BRANDS = ("Cedar", "Birch", "Maple", "Rowan")
_LEVELS = ("7x24, on site in 2 h", "7x24, parts in 4 h", "5x8, next business day")
_NAMES = ("Ann", "Bo", "Cai", "Dan", "Eva", "Fay", "Gus", "Hua")


@dataclass(frozen=True)
class Shape:
    """What an estate is like. ``hosts`` is the share of items that are hosts; 1.0 makes an estate of hosts alone."""

    items: int
    seed: int = 1
    hosts: float = 0.4
    per_site: int = PER_SITE


@dataclass(frozen=True)
class _Host:
    id: str
    site: int
    rack: int


@dataclass
class _Estate:
    shape: Shape
    chance: random.Random
    hosts: list[_Host] = field(default_factory=list)
    written: dict[str, list[str]] = field(default_factory=dict)

    def add(self, file: str, *lines: str) -> None:
        self.written.setdefault(file, []).extend(lines)


def write_estate(root: Path, shape: Shape) -> Path:
    """Write the files of an estate below ``root``; give ``root``. The same shape gives the same bytes."""
    estate = _Estate(shape, random.Random(shape.seed))
    sites = -(-shape.items // shape.per_site)
    people = max(8, shape.items // 100)
    _top(estate, sites)
    _people(estate, people)
    for site in range(sites):
        _site(estate, site)
        below = shape.per_site if site < sites - 1 else shape.items - (sites - 1) * shape.per_site
        _items(estate, site, below, people)
    _services(estate, people)
    (root / "cmdb.d").mkdir(parents=True, exist_ok=True)
    for name, lines in estate.written.items():
        (root / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def _top(estate: _Estate, sites: int) -> None:
    networks = ", ".join(f"net-{site:04}" for site in range(1, sites))
    estate.add(
        "cmdb.yaml",
        "organisation: Generated",
        "include: ['cmdb.d/*.yaml']",
        "environments:",
        "  production:",
        "    title: {en: Production, zh: 生产环境}",
        "    kind: production",
        "    network: net-0000",
        *([f"    other_networks: [{networks}]"] if networks else []),
        "policies:",
        "  approvals:",
        "    title: {en: Who approves, zh: 审批}",
        "    rules:",
        "      runs: {subjects: [runbook], approvals: 2, requested_by: [operate], approved_by: [approve],"
        " run_by: [operate], valid_for: 7 d}",
        "      files: {subjects: [configuration], approvals: 1, requested_by: [operate], approved_by: [approve],"
        " valid_for: 7 d}",
        "  protection-limits:",
        "    title: {en: What protections keep, zh: 保护能力}",
        "    shortest_rto: {hot_standby: 30 s, cold_standby: 30 min, backup: 4 h}",
        "    asynchronous_rpo: 1 min",
        "    spare_covers: 3",
    )
    estate.add("cmdb.d/vendors.yaml", "vendors:")
    for number, brand in enumerate(_BRANDS):
        estate.add(
            "cmdb.d/vendors.yaml",
            f"  {brand.lower()}:",
            f"    title: {{en: {brand} Works, zh: 供应商}}",
            f'    phone: "+1 202 555 01{number:02}"',
            f"    contacts: [person-{number}]",
            "    contracts:",
            "      all: {title: {en: All, zh: 全部}, level: 7x24, answer_within: 30 min, until: 2028-12-31}",
        )


def _people(estate: _Estate, count: int) -> None:
    file = "cmdb.d/people.yaml"
    estate.add(file, "people:")
    for number in range(count):
        name = f"{_NAMES[number % len(_NAMES)]} Example {number}"
        line = 3 if number < len(_BRANDS) else 1 if number < len(_BRANDS) + 2 else 2
        estate.add(file, f"  person-{number}:", f"    name: {{en: {name}, zh: 人员 {number}}}", f"    line: {line}")
        if line == 3:
            estate.add(file, "    roles: [vendor]", f"    vendor: {_BRANDS[number].lower()}")
        else:
            estate.add(file, "    roles: [operate, approve]")
        if line == 2 and number % 20 == 7:
            estate.add(file, f"    looks_after: [{estate.chance.choice(_FUNCTIONS + _EQUIPMENT)}]")
        estate.add(
            file,
            f'    contact: {{phone: "+1 202 555 {number % 10_000:04}", email: person.{number}@generated.example}}',
        )


def _site(estate: _Estate, site: int) -> None:
    file = f"cmdb.d/sites-{site // 100:02}.yaml"
    if site % 100 == 0:
        estate.add(file, "sites:")
    estate.add(
        file,
        f"  site-{site:04}:",
        f"    title: {{en: Office {site}, zh: 第 {site} 营业部}}",
        f"    kind: {'branch' if site else 'head_office'}",
        "    rooms:",
        f"      room-{site:04}:",
        f"        title: {{en: Computer room of office {site}, zh: 机房}}",
        "        racks:",
        *(f"          r{rack}: {{units: 42}}" for rack in range(8)),
    )
    file = f"cmdb.d/networks-{site // 100:02}.yaml"
    if site % 100 == 0:
        estate.add(file, "networks:")
    subnet = ipaddress.ip_network((_first(estate, site), _prefix(estate)))
    estate.add(
        file,
        f"  net-{site:04}:",
        f"    title: {{en: Office {site}, zh: 网络}}",
        f"    subnet: {subnet}",
        f"    site: site-{site:04}",
        f"    gateway: {subnet[1]}",
    )


def _prefix(estate: _Estate) -> int:
    return 32 - (estate.shape.per_site + 4).bit_length()


def _first(estate: _Estate, site: int) -> int:
    return _BASE + (site << (32 - _prefix(estate)))


def _address(estate: _Estate, site: int, number: int) -> str:
    return str(ipaddress.ip_address(_first(estate, site) + 2 + number))


def _items(estate: _Estate, site: int, count: int, people: int) -> None:
    file = f"cmdb.d/items-{site // SITES_IN_A_FILE:03}.yaml"
    if file not in estate.written:
        estate.add(file, "config_items:")
    chance = estate.chance
    for number in range(count):
        rack = number % 8
        if number < 2 and estate.shape.hosts < 1:
            kind = "ups"
        elif chance.random() < estate.shape.hosts:
            kind = "host"
        else:
            kind = "client" if chance.random() < 0.8 else chance.choice(_EQUIPMENT)
        id_ = f"{kind.replace('_', '-')}-{site:04}-{number:03}"
        brand = chance.choice(_BRANDS)
        estate.add(
            file,
            f"  {id_}:",
            f"    class: {kind}",
            f"    title: {{en: {kind} {number} of office {site}, zh: 第 {site} 营业部设备 {number}}}",
            f"    site: site-{site:04}",
            f"    room: room-{site:04}",
            f"    rack: r{rack}",
            f"    brand: {brand}",
            f"    model: R{chance.randrange(100, 990, 10)}",
            f"    serial: S{site:04}-{number:05}",
            f'    warranty: {{level: "{chance.choice(_LEVELS)}", until: {chance.randrange(2027, 2031)}-06-30}}',
            f"    owner: person-{chance.randrange(4, people)}",
            f"    vendor: {brand.lower()}",
            "    contract: all",
        )
        if kind != "ups" and estate.shape.hosts < 1:
            hub = ", service-0000-0" if kind == "router" and estate.shape.items >= estate.shape.per_site else ""
            estate.add(file, f"    depends_on: [ups-{site:04}-{number % 2:03}{hub}]")
        if kind != "ups":
            estate.add(file, f"    addresses: {{production: {_address(estate, site, number)}}}")
        if kind == "host":
            function = chance.choice(_FUNCTIONS)
            estate.add(
                file,
                '    os: {family: unix, name: debian, version: "12"}',
                f"    functions: [{function}]",
                f'    software: {{{function.replace("_", "-")}: "{chance.randrange(1, 20)}.{chance.randrange(9)}"}}',
            )
            estate.hosts.append(_Host(id_, site, rack))


def _services(estate: _Estate, people: int) -> None:
    """Write the services of each office; all hang on the first one of the first office."""
    by_site: dict[int, list[_Host]] = {}
    for host in estate.hosts:
        by_site.setdefault(host.site, []).append(host)
    for section in ("services", "protections"):
        estate.add(f"cmdb.d/{section}.yaml", f"{section}:" if by_site else f"{section}: {{}}")
    written: set[str] = set()
    for site, of_site in by_site.items():
        spare = of_site.pop()
        hosts = sorted(of_site, key=lambda host: host.rack)  # so that those half a list apart are in two racks
        covered: list[str] = []
        for number in range(min(SERVICES_OF_A_SITE, len(hosts) // 2)):
            first, second = hosts[number], hosts[number + len(hosts) // 2]
            kind = ("hot_standby", "cold_standby", "backup")[number % 3]
            if first.rack == second.rack or (kind == "cold_standby" and len(covered) == 3):
                kind = "backup"
            elif kind == "cold_standby":
                covered.append(first.id)
            needs = ["service-0000-0"] if number == 0 else [f"service-{site:04}-0"]
            if kind != "hot_standby" and estate.chance.random() < 0.5:
                needs.append("service-0000-3")
            id_ = f"service-{site:04}-{number}"
            owner = estate.chance.randrange(4, people)
            _service(estate, id_, (kind, sorted(written & set(needs)), owner), (first, second, spare))
            if kind == "hot_standby":  # nothing promises to be back sooner
                written.add(id_)
        if covered:
            _spare(estate, site, spare.id, covered)


def _service(estate: _Estate, id_: str, what: tuple[str, list[str], int], hosts: tuple[_Host, _Host, _Host]) -> None:
    kind, needs, owner = what
    first, second, spare = (host.id for host in hosts)
    tier, rto, rpo, other = {
        "hot_standby": (1, "60 s", "0 s", f"standby: {second}"),
        "cold_standby": (2, "30 min", "1 d", f"spare: {spare}"),
        "backup": (3, "8 h", "1 d", f"library: {spare}"),
    }[kind]
    estate.add(
        "cmdb.d/services.yaml",
        f"  {id_}:",
        f"    title: {{en: What {id_} gives, zh: 服务}}",
        f"    tier: {tier}",
        "    hours: 7x24",
        f"    rto: {rto}",
        f"    rpo: {rpo}",
        *([f"    depends_on: [{', '.join(needs)}]"] if needs else []),
        f"    provided_by: [{first}{', ' + second if kind == 'hot_standby' else ''}]",
        f"    owner: person-{owner}",
        f"    notify: [person-{owner // 2 + 4}]",
    )
    estate.add(
        "cmdb.d/protections.yaml",
        f"  {id_}-protected:",
        f"    kind: {kind}",
        f"    title: {{en: What brings {id_} back, zh: 保护}}",
        f"    service: {id_}",
        f"    members: {{primary: {first}, {other}}}",
        "    replication: synchronous" if kind == "hot_standby" else "    interval: 24 h",
    )


def _spare(estate: _Estate, site: int, item: str, covered: list[str]) -> None:
    file = "cmdb.d/spares.yaml"
    if file not in estate.written:
        estate.add(file, "spares:")
    estate.add(
        file,
        f"  spare-{site:04}:",
        "    title: {en: Spare, zh: 备机}",
        f"    item: {item}",
        f"    covers: [{', '.join(covered)}]",
    )
