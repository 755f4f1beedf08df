"""The snapshots that a cold spare is made from: where they are, what is in them, how fresh, who has the password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.cmdb.durations import seconds
from drillbook.cmdb.rules.base import Problem, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.cmdb.model import Entry
    from drillbook.cmdb.rules.base import Draft

_WHOLE = frozenset(
    f"/{name}"
    for name in (
        "bin",
        "boot",
        "etc",
        "home",
        "lib",
        "lib64",
        "media",
        "mnt",
        "opt",
        "root",
        "sbin",
        "srv",
        "usr",
        "var",
    )
)
_MADE_ANEW = ("/dev", "/proc", "/run", "/sys", "/tmp")  # noqa: S108 - named to be refused
_OWN = ("/etc/drillbook/item", "/etc/drillbook/secrets", "/var/lib/drillbook")


def needed(draft: Draft) -> Iterator[Problem]:
    """Find cold spares that take over an address and have nothing to do it from, and snapshots of other kinds."""
    for protection in draft.cmdb.protections:
        cold, given = protection.get("kind") == "cold_standby", protection.get("snapshot") is not None
        if given and not cold:
            yield Problem(
                protection, ("snapshot",), f"has no place in {protection.get('kind')}; it belongs to cold_standby"
            )
        if cold and not given and protection.get("service_address"):
            yield Problem(
                protection, (),
                "has no 'snapshot', and its spare takes over an address: say what the role is made of, where it is "
                "kept and how often it is taken",
            )  # fmt: skip


def _snapshots(draft: Draft) -> Iterator[tuple[Entry, Mapping[str, Any]]]:
    """Give each protection with snapshots, and these."""
    for protection in draft.cmdb.protections:
        snapshot = protection.get("snapshot")
        if snapshot is not None:
            yield protection, snapshot


def _shares_rack(one: Entry | None, other: Entry) -> bool:
    place = tuple(other.get(name) for name in ("site", "room", "rack"))
    return one is not None and None not in place and place == tuple(one.get(name) for name in ("site", "room", "rack"))


def _lost_with_it(
    draft: Draft, protection: Entry, at: tuple[str | int, ...], id_: str, *, member: str, rack: str
) -> Iterator[Problem]:
    """Find an item that one loss takes too: a member, or one in the primary's rack; the two texts say what then."""
    members = protection.get("members")
    primary = draft.entry("config_items", members["primary"])
    if id_ in members.values():
        yield Problem(protection, at, f"is {quoted(id_)}, a member of the protection; {member}")
    elif primary is not None and _shares_rack(draft.entry("config_items", id_), primary):
        where = f"is {quoted(id_)}, in the rack of the primary {quoted(primary.id)}"
        yield Problem(protection, at, f"{where}; one loss takes both{rack}")


def hosts(draft: Draft) -> Iterator[Problem]:
    """Find snapshots that are lost together with what they are of, or that nobody can log in to."""
    for protection, snapshot in _snapshots(draft):
        host = draft.entry("config_items", snapshot["host"])
        if host is None:
            continue
        yield from _lost_with_it(
            draft, protection, ("snapshot", "host"), host.id,
            member="name a host that takes no part in it",
            rack=": name a host in another rack, better in another room",
        )  # fmt: skip
        yield from _without_address(draft, protection, host)


def witnesses(draft: Draft) -> Iterator[Problem]:
    """Find witnesses of a role's holder that are lost together with one, so that no spare may take the role up."""
    for protection in draft.cmdb.protections:
        id_, at = protection.get("settings", {}).get("witness"), ("settings", "witness")
        if id_ is None or protection.get("kind") != "cold_standby":
            continue
        if not isinstance(id_, str):
            yield Problem(protection, at, "is not one id; name one host")
            continue
        yield from _lost_with_it(
            draft, protection, at, id_,
            member="it cannot say who holds the role when it is lost itself: name a host that takes no part in it",
            rack=", and nobody says who may take the role up: name a host in another rack",
        )  # fmt: skip


def _without_address(draft: Draft, protection: Entry, host: Entry) -> Iterator[Problem]:
    primary = draft.entry("config_items", protection.get("members")["primary"])
    for environment in () if primary is None else primary.get("addresses", {}):
        if environment not in host.get("addresses", {}):
            yield Problem(
                protection, ("snapshot", "host"),
                f"is {quoted(host.id)}, which has no address in {quoted(environment)}, where the primary has one",
            )  # fmt: skip


def _inside(path: str, other: str) -> bool:
    return path == other or path.startswith(other + "/")


def repositories(draft: Draft) -> Iterator[Problem]:
    """Find repositories that are, or lie in, one of another protection on the same host."""
    seen: list[tuple[str, str, Entry]] = []
    for protection, snapshot in _snapshots(draft):
        host, path = snapshot["host"], snapshot["repository"]
        for _, its, other in (each for each in seen if each[0] == host):
            if _inside(path, its) or _inside(its, path):
                yield Problem(
                    protection, ("snapshot", "repository"),
                    f"is {quoted(path)}, and protections.{other.id} has {quoted(its)} on the same host; give each a "
                    "folder of its own: a key that may write one may then not touch the other",
                )  # fmt: skip
        seen.append((host, path, protection))


def paths(draft: Draft) -> Iterator[Problem]:
    """Find paths of a role that lie in one another, that are a whole system, or a host's own."""
    for protection, snapshot in _snapshots(draft):
        named: list[str] = snapshot["paths"]
        for index, path in enumerate(named):
            why = _unfit(path, [*named[:index], *named[index + 1 :]], snapshot["password_file"])
            if why is not None:
                yield Problem(protection, ("snapshot", "paths", index), f"is {quoted(path)}, {why}")


def _unfit(path: str, others: list[str], password_file: str) -> str | None:
    """Say why a path cannot be one of a role's, or None."""
    if path in _WHOLE:
        return "a whole folder of the system, which would replace the spare's own; name what belongs to the role"
    if any(_inside(path, each) for each in _MADE_ANEW):
        return "which the system makes anew at each start; it is no part of a role"
    for own in _OWN:
        if _inside(path, own) or _inside(own, path):
            return f"and {own} is each host's own; name what belongs to the role beside it"
    if _inside(password_file, path):
        return "which holds the password of the repository itself; keep that elsewhere"
    outer = next((each for each in others if path != each and _inside(path, each)), None)
    return f"which lies in {quoted(outer)}; name one of them" if outer is not None else None


def ages(draft: Draft) -> Iterator[Problem]:
    """Find snapshots that are taken too seldom for what is promised."""
    for protection, snapshot in _snapshots(draft):
        every, oldest, interval = snapshot["every"], snapshot["max_age"], protection.get("interval")
        if seconds(every) > seconds(oldest):
            yield Problem(
                protection, ("snapshot", "every"),
                f"is {every}, and max_age {oldest}: the newest would be too old before the next is due; "
                "take them more often",
            )  # fmt: skip
        if interval is not None and seconds(oldest) > seconds(interval):
            yield Problem(
                protection, ("snapshot", "max_age"),
                f"is {oldest}, and the protection's interval {interval}: older than it promises; accept less",
            )  # fmt: skip
        service = draft.entry("services", protection.get("service"))
        if service is not None and seconds(oldest) > seconds(service.get("rpo")):
            yield Problem(
                protection, ("snapshot", "max_age"),
                f"is {oldest}, and services.{service.id} may lose {service.get('rpo')} (its RPO); accept less, "
                "or promise less",
            )  # fmt: skip


def passwords(draft: Draft) -> Iterator[Problem]:
    """Find places of the password that are lost together with the primary."""
    for protection, snapshot in _snapshots(draft):
        for index, id_ in enumerate(snapshot["password_on"]):
            yield from _lost_with_it(
                draft, protection, ("snapshot", "password_on", index), id_,
                member="the password must not be lost with it, nor lie open on a machine that users reach",
                rack=": name a host in another rack",
            )  # fmt: skip
