"""What a person is shown of the trusted base before they pin it, and of where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.change.trust.advance import Step
    from drillbook.change.trust.base import Base
    from drillbook.repo.commit import Commit

_ENOUGH = 4  # characters of an id that are compared


def commit_lines(commit: Commit, digest: str) -> list[str]:
    """Give a commit's id, whole and in groups that can be read aloud, its tree, and where it comes from."""
    return [
        f"  commit   {commit.id}",
        f"           {spaced(commit.id)}",
        f"  files    {digest}",
        f"  made     {commit.time:%Y-%m-%d %H:%M} UTC by {commit.author_name} <{commit.author_email}>",
        f"           {commit.subject}",
    ]


def people_lines(base: Base) -> list[str]:
    """Give who may sign what, by the base: each person with a role that approves or runs, and their keys."""
    found = []
    for person in base.cmdb.people:
        keys = base.signers.of_person(person.id)
        roles = person.get("roles", ())
        if not keys and "approve" not in roles:
            continue
        words = "no key" if not keys else f"{len(keys)} key{'s' * (len(keys) != 1)}"
        found.append(f"           {person.id} ({', '.join(roles)}): {words}")
    return ["  people who sign or approve there:", *(found or ["           nobody"])]


def step_line(step: Step) -> str:
    """Give what became of a commit, in a line."""
    mark = "✓" if step.accepted else "✗"
    return f"{mark} {step.commit.id[:12]} {visible(step.commit.subject, limit=60)}\n    {step.why}"


def spaced(text: str) -> str:
    """Give an id in groups of four, for two people who compare it."""
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def ends_as(commit: str, typed: str) -> bool:
    """Tell whether what a person typed is the end of an id, or all of it: four characters at least, spaced or not."""
    end = "".join(typed.split()).lower()
    return len(end) >= _ENOUGH and commit.endswith(end)
