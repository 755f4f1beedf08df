"""What a change is, as the rules of the policy see it: on what, of which kind, where. Pure.

What it says of services, items, classes and tiers is read from the trusted base's CMDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.change.trust.rules import Standard, standard_change
from drillbook.errors import Refused
from drillbook.plan.model import Command, FenceRun, Plan, PlaybookRun, PowerRun
from drillbook.source import plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from drillbook.change.records.model import ChangeRecord
    from drillbook.cmdb.model import Cmdb, Section

RUNBOOK = "runbook"
CONFIGURATION = "configuration"

_EFFECTS = (Command, PlaybookRun, FenceRun, PowerRun)


@dataclass(frozen=True, slots=True)
class Case:
    """What rules are held against.

    ``subject``: runbook or configuration. ``type``: standard, normal or emergency. ``environment``: an id, ""
    for a configuration. ``services``: ids of what a run can interrupt, or of what a configuration says anew.
    ``items``: ids that a run touches, or that a configuration says anew. ``classes`` and ``tiers``: theirs.
    ``paths``: files that a configuration changes, both names of one that was renamed,
    and those that say now what it says anew of people, policies and environments. ``anything``: it is not known
    what of the CMDB a configuration changes, so that every class and tier is meant. ``standard``: the standard
    change that it is.
    """

    subject: str
    type: str
    environment: str = ""
    services: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    classes: frozenset[str] = frozenset()
    tiers: frozenset[int] = frozenset()
    paths: tuple[str, ...] = ()
    anything: bool = False
    standard: Standard | None = None


def case_of(
    subject: ChangeRecord | Plan,
    cmdb: Cmdb,
    *,
    change_type: str = "normal",
    parameters: Mapping[str, str] | None = None,
    proposed: Cmdb | None = None,
) -> Case:
    """Give the case of a planned change, or of a plan that would be a change.

    Args:
        subject: the change; or a plan, and then ``change_type`` and the ``parameters`` as they were given are asked.
        cmdb: the base's.
        change_type: standard, normal or emergency, for a plan.
        parameters: what a person gave, without the defaults that a plan has besides; needed for a standard change.
        proposed: the CMDB that a configuration moves to (``proposed.proposed_cmdb``). Without it every rule by class
            or tier is meant as soon as files change that may be of the CMDB.

    Raises Refused for a change that is not planned yet, for a service, item or environment that the base does not
    know, and for a standard change that policy has not.
    """
    if isinstance(subject, Plan):
        return _case_of_plan(subject, cmdb, change_type, subject.parameters if parameters is None else parameters)
    bound = subject.bound
    if bound is None:
        raise Refused(
            f"{subject.request.change} is not planned yet", remedy=f"./inv changes.plan {subject.request.change}"
        )
    if bound.plan is not None:
        return _case_of_plan(bound.plan, cmdb, subject.request.type, subject.request.subject.parameters)
    assert bound.configuration is not None
    return case_of_paths((each.path for each in bound.configuration.paths), cmdb, subject.request.type, proposed)


def case_of_paths(paths: Iterable[str], cmdb: Cmdb, change_type: str, proposed: Cmdb | None) -> Case:
    """Give the case of a configuration that changes these files. See ``case_of``.

    Who may do what can be said anew in any file that the CMDB includes: it is held against the rules for the files
    that say it now.
    """
    named = tuple(paths)
    if proposed is None:
        anything = any(path.endswith((".yaml", ".yml")) and not path.startswith(_NO_CMDB) for path in named)
        return Case(CONFIGURATION, change_type, paths=named, anything=anything)
    items = _different(cmdb.config_items, proposed.config_items)
    services = set(_different(cmdb.services, proposed.services))
    both = (cmdb, proposed)
    services |= {each.id for of in both for each in of.services if set(items) & set(each.get("provided_by", ()))}
    return Case(
        CONFIGURATION,
        change_type,
        services=tuple(sorted(services)),
        items=items,
        classes=frozenset(of.config_items[id_].get("class") for of in both for id_ in items if id_ in of.config_items),
        tiers=frozenset(int(of.services[id_].get("tier")) for of in both for id_ in services if id_ in of.services),
        paths=(*named, *(path for path in saying_anew(cmdb, proposed) if path not in named)),
    )


_NO_CMDB = ("runbooks/", "playbooks/", "drills/", "inventories/", "changes/", "src/", "tests/", ".github/", ".gitlab")


def saying_anew(old: Cmdb, new: Cmdb | None) -> list[str]:
    """Give the files of the trusted CMDB whose people, policies or environments another CMDB says otherwise.

    ``new`` None: it cannot be read, and all of them are meant.
    """
    found = set()
    for name in ("people", "policies", "environments"):
        before = {entry.id: plain(entry.fields) for entry in old.section(name)}
        after = None if new is None else {entry.id: plain(entry.fields) for entry in new.section(name)}
        if before != after:
            found |= {entry.file for entry in old.section(name)}
    return sorted(found)


def _different(old: Section, new: Section) -> tuple[str, ...]:
    before, after = old.by_id, new.by_id
    return tuple(
        sorted(
            id_
            for id_ in before.keys() | after.keys()
            if id_ not in before or id_ not in after or plain(before[id_].fields) != plain(after[id_].fields)
        )
    )


def _case_of_plan(plan: Plan, cmdb: Cmdb, change_type: str, parameters: Mapping[str, str]) -> Case:
    # In break-glass the tree may be ahead of the base with services, which then are of no tier; never with hosts.
    services = plan.services if change_type != "emergency" else ()
    for kind, ids, known in (
        ("environment", (plan.environment,), cmdb.environments),
        ("item", plan.targets, cmdb.config_items),
        ("service", services, cmdb.services),
    ):
        strange = sorted(id_ for id_ in ids if id_ not in known)
        if strange:
            raise Refused(
                f"the trusted base does not know the {kind} {', '.join(strange)[:200]}, so nobody has authority there",
                remedy="get it into the base first: a change of the configuration, approved and merged",
            )
    services = services_of(plan, cmdb)
    standard = None
    if change_type == "standard":
        standard = standard_change(cmdb, runbook=plan.runbook, environment=plan.environment, parameters=parameters)
    return Case(
        RUNBOOK,
        change_type,
        environment=plan.environment,
        services=services,
        items=tuple(sorted(plan.targets)),
        classes=frozenset(cmdb.config_items[id_].get("class") for id_ in plan.targets),
        tiers=frozenset(int(cmdb.services[id_].get("tier")) for id_ in services if id_ in cmdb.services),
        standard=standard,
    )


def services_of(plan: Plan, cmdb: Cmdb) -> tuple[str, ...]:
    """Give the services that a plan can interrupt: those that it names, and those that the CMDB adds to them.

    In break-glass a plan may come from a changed tree, and name too few.
    """
    items = {step.item for step in plan.steps if isinstance(step.action, _EFFECTS)}
    found = list(plan.services)
    if plan.protection is not None and plan.protection in cmdb.protections:
        found.append(cmdb.protections[plan.protection].get("service"))
    found += [service.id for service in cmdb.services if items & set(service.get("provided_by", ()))]
    found = list(dict.fromkeys(found))
    for id_ in found:  # grows while it is walked: what depends on a dependant depends too
        found += [
            service.id for service in cmdb.services if id_ in service.get("depends_on", ()) and service.id not in found
        ]
    return tuple(found)
