"""Environments that have what their kind needs, and hosts of the lab that the lab can make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.cmdb.rules.base import Problem, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.cmdb.model import Entry
    from drillbook.cmdb.rules.base import Draft


def environments(draft: Draft) -> Iterator[Problem]:
    """Find environments that lack what their kind needs, or have what it cannot use."""
    for environment in draft.cmdb.environments:
        kind, other = environment.get("kind"), environment.get("addresses_of")
        if other is None and environment.get("network") is None:
            yield Problem(environment, (), "has neither network nor addresses_of; say where its hosts are reached")
        if other is not None:
            yield from _borrowed(draft, environment, other)
        for field in ("image", "provision"):
            if kind == "lab" and field not in environment.fields:
                yield Problem(environment, (), f"has no '{field}', which an environment of kind lab needs")
            if kind != "lab" and field in environment.fields:
                yield Problem(environment, (field,), f"has no meaning for {kind}; it belongs to kind lab")


def _borrowed(draft: Draft, environment: Entry, other: str) -> Iterator[Problem]:
    for field in ("network", "other_networks"):
        if field in environment.fields:
            yield Problem(environment, (field,), f"stands beside addresses_of, which brings those of {quoted(other)}")
    if environment.get("kind") == "lab":
        yield Problem(environment, ("addresses_of",), "has no place in kind lab, which makes its own hosts")
    if environment.get("kind") == "production":
        yield Problem(environment, ("addresses_of",), "has no place in kind production; give it its network")
    source = draft.entry("environments", other)
    if source is not None and "addresses_of" in source.fields:
        yield Problem(
            environment, ("addresses_of",),
            f"is {quoted(other)}, which itself uses addresses of another one; name that one",
        )  # fmt: skip


def lab_hosts(draft: Draft) -> Iterator[Problem]:
    """Find hosts marked for the lab that it cannot make, and others that pretend to be in it."""
    labs = [each.id for each in draft.cmdb.environments if each.get("kind") == "lab"]
    known = [id_ for id_, section in draft.known.items() if section == "environments"]
    if not draft.complete or any(draft.entry("environments", id_) is None for id_ in known):
        return
    for item in draft.cmdb.config_items:
        fields = item.fields
        addresses, power = fields.get("addresses", {}), fields.get("power", {})
        marked = fields.get("in_lab") is True
        if marked and fields["class"] != "host":
            yield Problem(item, ("in_lab",), f"is true for a {fields['class']}; the lab makes hosts only")
        if marked and not any(lab in addresses for lab in labs):
            yield Problem(
                item, ("in_lab",), f"is true without an address in the lab; add addresses.{(*labs, 'lab')[0]}"
            )
        for environment, control in power.items():
            if control["kind"] == "lab" and not (marked and environment in labs):
                yield Problem(
                    item, ("power", environment, "kind"),
                    "is lab, which only hosts marked in_lab have, in an environment of kind lab",
                )  # fmt: skip
        for lab in labs:
            if lab not in addresses:
                continue
            if not marked:
                yield Problem(
                    item, ("addresses", lab),
                    "is given, and the item is not marked for the lab; add in_lab: true or leave it out",
                )  # fmt: skip
            elif power.get(lab, {}).get("kind") != "lab":
                yield Problem(
                    item, (),
                    f"is made by the lab and has no power control there; add power.{lab}: {{kind: lab}}",
                )  # fmt: skip
