"""What protects services: members, their places, and objectives that can be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.rules.base import Problem, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Entry
    from drillbook.cmdb.rules.base import Draft

# kind: members that it must have, members that it may have, further fields that it must have
_FORMS: dict[str, tuple[set[str], set[str], set[str]]] = {
    "hot_standby": ({"primary", "standby"}, set(), {"replication"}),
    "cold_standby": ({"primary", "spare"}, set(), {"interval"}),
    "backup": ({"primary"}, {"library"}, {"interval"}),
}
_ONLY = {"replication": "hot_standby", "media": "backup"}
_SPARE_COVERS = 3  # where policy says nothing


def members(draft: Draft) -> Iterator[Problem]:
    """Find protections whose members and fields are not those of their kind."""
    for protection in draft.cmdb.protections:
        kind, named = protection.get("kind"), protection.get("members")
        must, may, fields = _FORMS[kind]
        if missing := sorted(must - set(named)):
            yield Problem(protection, ("members",), f"has no {' and no '.join(missing)}, which {kind} needs")
        for name in named:
            if name not in must | may:
                yield Problem(
                    protection, ("members", name),
                    f"has no place in {kind}, whose members are {', '.join(sorted(must | may))}",
                )  # fmt: skip
        for name in sorted(fields - set(protection.fields)):
            yield Problem(protection, (), f"has no '{name}', which {kind} needs")
        for name, owner in _ONLY.items():
            if name in protection.fields and kind != owner:
                yield Problem(protection, (name,), f"has no place in {kind}; it belongs to {owner}")
        if "replication" in protection.fields and "interval" in protection.fields:
            yield Problem(protection, ("interval",), "has no meaning for hot_standby, which replicates always")
        if len(set(named.values())) < len(named):
            yield Problem(protection, ("members",), "names one item twice; each member is an item of its own")
        yield from _provides(draft, protection)


def _provides(draft: Draft, protection: Entry) -> Iterator[Problem]:
    service = draft.entry("services", protection.get("service"))
    if service is None:
        return
    for name in ("primary", "standby"):
        item = protection.get("members").get(name)
        if item is not None and item in draft.known and item not in service.get("provided_by"):
            yield Problem(
                protection, ("members", name),
                f"is {quoted(item)}, which does not provide services.{service.id}; "
                "add it to the service's provided_by or name another item",
            )  # fmt: skip


def member_addresses(draft: Draft) -> Iterator[Problem]:
    """Find members without an address where their protection has a service address."""
    for protection in draft.cmdb.protections:
        for environment in protection.get("service_address", {}):
            for name in ("primary", "standby"):
                item = draft.entry("config_items", protection.get("members").get(name))
                if item is not None and environment not in item.get("addresses", {}):
                    yield Problem(
                        protection, ("service_address", environment),
                        f"is given, and {name} {quoted(item.id)} has no address in {quoted(environment)}; "
                        "give both or none",
                    )  # fmt: skip


def apart(draft: Draft) -> Iterator[Problem]:
    """Find standbys that are in their primary's rack, or of which nobody can tell."""
    for protection in draft.cmdb.protections:
        if protection.get("kind") != "hot_standby":
            continue
        primary = draft.entry("config_items", protection.get("members").get("primary"))
        standby = draft.entry("config_items", protection.get("members").get("standby"))
        if primary is None or standby is None or primary.id == standby.id:
            continue
        one, two = _place(primary), _place(standby)
        for first, second in zip(one, two, strict=True):
            if first is None or second is None:
                yield Problem(
                    protection, ("members", "standby"),
                    f"is {quoted(standby.id)}, and whether it stands apart from {quoted(primary.id)} "
                    "cannot be told; give both a room and a rack",
                )  # fmt: skip
                break
            if first != second:
                break
        else:
            yield Problem(
                protection, ("members", "standby"),
                f"is {quoted(standby.id)}, in the same rack as the primary {quoted(primary.id)} "
                f"({'/'.join(map(str, one))}); put one of them in another rack, better in another building",
            )  # fmt: skip


def _place(item: Entry) -> tuple[str | None, str | None, str | None]:
    return item.get("site"), item.get("room"), item.get("rack")


def tier_one(draft: Draft) -> Iterator[Problem]:
    """Find services of tier 1 that nothing protects."""
    written = [id_ for id_, section in draft.known.items() if section == "protections"]
    if not draft.complete or len(written) > len(draft.cmdb.protections):
        return
    protected = {each.get("service") for each in draft.cmdb.protections}
    for service in draft.cmdb.services:
        if service.get("tier") == 1 and service.id not in protected:
            yield Problem(service, ("tier",), "is 1, and no protection names the service; add one under protections")


def _promises(draft: Draft) -> Iterator[tuple[Entry, str, list[Entry]]]:
    """Give each service with each of its items that are protected, and what protects that item."""
    by_item: dict[tuple[str, str], list[Entry]] = {}
    for protection in draft.cmdb.protections:
        key = (protection.get("service"), protection.get("members")["primary"])
        by_item.setdefault(key, []).append(protection)
    for (id_, item), protections in by_item.items():
        service = draft.entry("services", id_)
        if service is not None:
            yield service, item, protections


def limits_written(draft: Draft) -> Iterator[Problem]:
    """Find protections of which nobody has said what their kind can keep."""
    if "protection-limits" in draft.known or not draft.complete:
        return
    for protection in draft.cmdb.protections:
        yield Problem(
            protection, ("kind",),
            "cannot be held against an RTO: policies.protection-limits does not exist; add it",
        )  # fmt: skip
        return


def rto_kept(draft: Draft) -> Iterator[Problem]:
    """Find services whose RTO cannot be kept by what protects one of their items."""
    policy = draft.entry("policies", "protection-limits")
    if policy is None:
        return
    limits = policy.get("shortest_rto")
    for service, item, protections in _promises(draft):
        best = min(protections, key=lambda each: seconds(limits[each.get("kind")]))
        limit = limits[best.get("kind")]
        if seconds(service.get("rto")) < seconds(limit):
            yield Problem(
                service, ("rto",),
                f"is {service.get('rto')}, and the best that protects {quoted(item)}, "
                f"{best.get('kind')} {quoted(best.id)}, can keep {limit} (policies.protection-limits); "
                "protect it better or promise less",
            )  # fmt: skip


def rpo_kept(draft: Draft) -> Iterator[Problem]:
    """Find services whose RPO cannot be kept by what protects one of their items."""
    policy = draft.entry("policies", "protection-limits")
    if policy is None:
        return
    keeps = {"synchronous": "0 s", "none": "0 s", "asynchronous": policy.get("asynchronous_rpo")}
    for service, item, protections in _promises(draft):
        texts = [keeps.get(each.get("replication"), each.get("interval")) for each in protections]
        if None in texts:
            continue  # a field is missing, which the rule for members finds
        kept, text, best = min(zip(map(seconds, texts), texts, protections, strict=True), key=lambda each: each[0])
        if seconds(service.get("rpo")) < kept:
            yield Problem(
                service, ("rpo",),
                f"is {service.get('rpo')}, and the best that protects {quoted(item)}, "
                f"{quoted(best.id)}, can keep {text}; protect it better or promise less",
            )  # fmt: skip


def rto_of_dependencies(draft: Draft) -> Iterator[Problem]:
    """Find services that promise to be back sooner than what they depend on."""
    for service in draft.cmdb.services:
        for index, id_ in enumerate(service.get("depends_on", ())):
            needed = draft.entry("services", id_)
            if needed is not None and seconds(service.get("rto")) < seconds(needed.get("rto")):
                yield Problem(
                    service, ("depends_on", index),
                    f"is {quoted(id_)} with an RTO of {needed.get('rto')}, and this service promises "
                    f"{service.get('rto')}; it cannot be back before what it needs",
                )  # fmt: skip


def spares(draft: Draft) -> Iterator[Problem]:
    """Find spares that cover too much, that already work, or that a cold standby does not find."""
    policy = draft.entry("policies", "protection-limits")
    limit = policy.get("spare_covers") if policy is not None else _SPARE_COVERS
    working = {item for service in draft.cmdb.services for item in service.get("provided_by")}
    covered: dict[str, set[str]] = {}
    for spare in draft.cmdb.spares:
        item, covers = spare.get("item"), spare.get("covers")
        covered.setdefault(item, set()).update(covers)
        if len(covers) > limit:
            yield Problem(
                spare, ("covers",),
                f"has {len(covers)} items; one spare covers at most {limit} (policies.protection-limits)",
            )  # fmt: skip
        if item in working or item in covers:
            yield Problem(spare, ("item",), f"is {quoted(item)}, which provides a service itself; a spare is idle")
    if not draft.complete:
        return
    for protection in draft.cmdb.protections:
        taken, primary = protection.get("members").get("spare"), protection.get("members").get("primary")
        if protection.get("kind") == "cold_standby" and taken and primary not in covered.get(taken, set()):
            yield Problem(
                protection, ("members", "spare"),
                f"is {quoted(taken)}, and no entry of spares says that it covers {quoted(primary)}; add that",
            )  # fmt: skip
