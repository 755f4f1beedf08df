"""Who may request, approve and run: rules that exist for every case, can hold, and can be satisfied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.cmdb.rules.base import Problem, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from drillbook.cmdb.model import Entry
    from drillbook.cmdb.rules.base import Draft, Path

_NARROW = ("tiers", "classes", "paths")
_SUBJECTS = ("runbook", "configuration")
_CONTENT = ("runbooks/", "playbooks/")
_AUTHORITY = ("people", "policies", "environments")


def approvals(draft: Draft) -> Iterator[Problem]:
    """Find normal changes for which policy has no rule, so that they would all be refused."""
    policy = draft.entry("policies", "approvals")
    if policy is None or not _whole(draft, "environments"):
        return
    broad = [rule for rule in policy.get("rules").values() if _is_broad(rule)]
    named = {name for rule in broad for name in rule.get("environments", ())}
    dangling = any(name not in draft.cmdb.environments for name in named)  # perhaps the one that is meant
    for environment in draft.cmdb.environments:
        if environment.get("kind") == "lab" or dangling:
            continue
        if not any(_concerns(rule, "runbook") and environment.id in _environments(rule, environment) for rule in broad):
            yield Problem(
                policy, ("rules",),
                f"have none for normal runs in environments.{environment.id}, so that all would be refused; add one "
                f"with environments: [{environment.id}] and without tiers, classes and paths",
            )  # fmt: skip
    if not any(_concerns(rule, "configuration") and "environments" not in rule for rule in broad):
        yield Problem(
            policy, ("rules",),
            "have none for changes of the configuration, so that all would be refused; add one with "
            "subjects: [configuration] and without tiers, classes and paths",
        )  # fmt: skip


def _whole(draft: Draft, section: str) -> bool:
    """Tell whether a section has everything that the files have of it, in the right shape."""
    entries = draft.cmdb.section(section)
    return draft.complete and all(id_ in entries for id_, its in draft.known.items() if its == section)


def _is_broad(rule: Mapping[str, Any]) -> bool:
    return "normal" in rule.get("types", ("normal",)) and not any(each in rule for each in _NARROW)


def _concerns(rule: Mapping[str, Any], subject: str) -> bool:
    return subject in rule.get("subjects", _SUBJECTS)


def _environments(rule: Mapping[str, Any], every: Entry) -> Iterable[str]:
    given: list[str] = rule.get("environments", [every.id])
    return given


def approval_rules(draft: Draft) -> Iterator[Problem]:
    """Find rules that can never hold, that say who too little, and that nobody can satisfy."""
    policy = draft.entry("policies", "approvals")
    if policy is None:
        return
    people = _whole(draft, "people")
    for id_, rule in policy.get("rules").items():
        at: Path = ("rules", id_)
        yield from _conditions(draft, policy, at, rule)
        if rule["approvals"] > 0 and "approved_by" not in rule:
            yield Problem(policy, at, f"asks for {rule['approvals']} approvals and names no role; add 'approved_by'")
        elif rule["approvals"] == 0 and "approved_by" in rule:
            yield Problem(policy, (*at, "approved_by"), "has no meaning with approvals: 0; raise it or leave this out")
        if _concerns(rule, "runbook") and "run_by" not in rule:
            yield Problem(policy, at, "does not say who runs; add 'run_by'")
        elif not _concerns(rule, "runbook") and "run_by" in rule:
            yield Problem(policy, (*at, "run_by"), "has no meaning for files, which nobody runs; leave it out")
        elif people and (lack := _lack(draft, rule)) is not None:
            yield Problem(policy, at, lack)


def _conditions(draft: Draft, policy: Entry, at: Path, rule: Mapping[str, Any]) -> Iterator[Problem]:
    subjects = rule.get("subjects", _SUBJECTS)
    if "paths" in rule and "environments" in rule:
        yield Problem(
            policy, (*at, "paths"),
            "and environments never hold together: files have no environment; make two rules of them",
        )  # fmt: skip
    elif "environments" in rule and "runbook" not in subjects:
        yield Problem(
            policy, (*at, "environments"),
            "never hold for a change of the configuration, which has no environment; leave them out",
        )  # fmt: skip
    elif "paths" in rule and "configuration" not in subjects:
        yield Problem(
            policy, (*at, "paths"), "never hold for a runbook, which changes no file of the repository; leave them out"
        )
    for index, name in enumerate(rule.get("environments", ())):
        environment = draft.entry("environments", name)
        if environment is not None and environment.get("kind") == "lab":
            yield Problem(
                policy, (*at, "environments", index),
                f"is {quoted(name)}, of kind lab, where nothing needs an approval; leave it out",
            )  # fmt: skip


def _lack(draft: Draft, rule: Mapping[str, Any]) -> str | None:
    """Say why nobody can satisfy a rule, or None. Who requests or runs does not approve."""
    asking = _who_has(draft, rule["requested_by"])
    if not asking:
        return f"can never be satisfied: nobody has a role that may request ({', '.join(rule['requested_by'])})"
    running = _who_has(draft, rule["run_by"]) if "run_by" in rule else asking
    if not running:
        return f"can never be satisfied: nobody has a role that may run ({', '.join(rule['run_by'])})"
    if "approved_by" not in rule:
        return None
    approving = _who_has(draft, rule["approved_by"])
    left = len(approving) - _least_taken(asking, running, approving)
    if left >= rule["approvals"]:
        return None
    return (
        f"can never be satisfied: it asks for {rule['approvals']} approvals, and beside who requests and runs, "
        f"only {left} of those who may approve can be left; ask for fewer, or give more people the role"
    )


def _least_taken(asking: set[str], running: set[str], approving: set[str]) -> int:
    """Count the approvers who cannot approve, since they request or run, in the best case."""
    if asking - approving and running - approving:
        return 0
    if asking - approving or running - approving or asking & running:
        return 1
    return 2


def _who_has(draft: Draft, roles: Iterable[str]) -> set[str]:
    wanted = set(roles)
    return {person.id for person in draft.cmdb.people if wanted.intersection(person.get("roles", ()))}


def emergencies(draft: Draft) -> Iterator[Problem]:
    """Find a policy of emergencies by which nobody could run, or nobody settle the debt."""
    policy = draft.entry("policies", "emergencies")
    if policy is None or not _whole(draft, "people"):
        return
    running, approving = _who_has(draft, policy.get("run_by")), _who_has(draft, policy.get("approved_by"))
    if not running:
        yield Problem(policy, ("run_by",), "are roles that nobody has; name one that someone has")
    elif not any(approving - {executor} for executor in running):
        yield Problem(
            policy, ("approved_by",), "are roles that nobody has but who runs; another person must settle the debt"
        )


def authority_places(draft: Draft) -> Iterator[Problem]:
    """Find people, policies and environments outside the files that the rules for policy's own file protect.

    Else a new file, which no rule names, could bring a person with a key and every role.
    """
    policy = draft.entry("policies", "approvals")
    if policy is None:
        return
    for id_, rule in policy.get("rules").items():
        places = rule.get("paths", ())
        if not any(covers(place, policy.file) for place in places):
            continue
        seen: set[tuple[str, str]] = set()
        for section in _AUTHORITY:
            for entry in draft.cmdb.section(section):
                if (section, entry.file) in seen or any(covers(place, entry.file) for place in places):
                    continue
                seen.add((section, entry.file))
                yield Problem(
                    entry, (),
                    f"gives authority from a file that policies.approvals.rules.{id_}.paths does not name; "
                    f"add {quoted(entry.file)} there, or move it",
                )  # fmt: skip


def standard_places(draft: Draft) -> Iterator[Problem]:
    """Find standard changes whose content is protected less than the policy that lets them run unread.

    What is pre-approved is a runbook's name. Whoever may change the runbook, or what it calls, decides what runs.
    """
    policy, standard = draft.entry("policies", "approvals"), draft.entry("policies", "pre-approved")
    if policy is None or standard is None or not standard.get("changes"):
        return
    for id_, rule in policy.get("rules").items():
        places = rule.get("paths", ())
        if not any(covers(place, policy.file) for place in places):
            continue
        lacking = [folder for folder in _CONTENT if folder not in places]
        if lacking:
            yield Problem(
                policy, ("rules", id_, "paths"),
                f"protect this policy and not {' and '.join(map(quoted, lacking))}, from which policies.pre-approved "
                "lets runbooks run that nobody reads again; add it, or pre-approve nothing",
            )  # fmt: skip


def covers(place: str, path: str) -> bool:
    """Tell whether a place of a rule (a file, or a folder that ends with ``/``) covers a path of the repository."""
    return path == place or (place.endswith("/") and path.startswith(place))


def approval_paths(draft: Draft) -> Iterator[Problem]:
    """Find places of rules that no file of the repository can have."""
    policy = draft.entry("policies", "approvals")
    for id_, rule in policy.get("rules").items() if policy is not None else ():
        assert policy is not None
        for index, place in enumerate(rule.get("paths", ())):
            parts = place.removesuffix("/").split("/")
            if any(part in ("", ".", "..") for part in parts):
                yield Problem(
                    policy, ("rules", id_, "paths", index),
                    f"is {quoted(place)}, which is no place inside the repository; write it from its top, "
                    "without '.', '..' and a slash in front",
                )  # fmt: skip
