"""Files of the repository that the CMDB names: playbooks, runbooks and protected places that must exist."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from drillbook.errors import Finding
from drillbook.source import line_at
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb, Entry

_MAY_BE_ABSENT = frozenset(
    {
        ".ci/",
        ".gitattributes",
        ".github/",
        ".github/CODEOWNERS",
        ".gitlab/",
        ".gitlab/CODEOWNERS",
        ".gitlab-ci.yml",
        "CODEOWNERS",
        "allowed_signers",
        "ansible.cfg",
        "docs/CODEOWNERS",
    }
)
"""Places to be protected before they exist: who adds the first pipeline has what it runs with."""


def missing_files(cmdb: Cmdb, root: Path) -> list[Finding]:
    """Give what the CMDB of the estate at ``root`` names and what does not exist there."""
    return [*_playbooks(cmdb, root), *_places(cmdb, root), *_runbooks(cmdb, root)]


def _playbooks(cmdb: Cmdb, root: Path) -> Iterator[Finding]:
    for environment in cmdb.environments:
        name = environment.get("provision")
        if name is not None and not (root / "playbooks" / name).is_file():
            yield _finding(
                environment, ["provision"], "provision",
                f"names playbooks/{name}, which does not exist; write that playbook or correct the name",
            )  # fmt: skip


def _places(cmdb: Cmdb, root: Path) -> Iterator[Finding]:
    policy = cmdb.policies.by_id.get("approvals")
    for id_, rule in policy.get("rules").items() if policy is not None else ():
        assert policy is not None
        for index, place in enumerate(rule.get("paths", ())):
            path = root / place
            found = path.is_dir() if place.endswith("/") else path.is_file()
            if found or place in _MAY_BE_ABSENT:
                continue
            if path.is_dir():
                what = "is a folder; a folder ends with /"
            else:
                near = difflib.get_close_matches(place.rstrip("/"), _around(root, place), n=1)
                what = f"names '{visible(place)}', which does not exist; " + (
                    f"did you mean '{visible(near[0])}'?" if near else "correct it or leave it out"
                )
            yield _finding(policy, ["rules", id_, "paths", index], "protected-path", what)


def _around(root: Path, place: str) -> list[str]:
    folder = (root / place).parent
    return [each.relative_to(root).as_posix() for each in (folder if folder.is_dir() else root).iterdir()]


def _runbooks(cmdb: Cmdb, root: Path) -> Iterator[Finding]:
    policy = cmdb.policies.by_id.get("pre-approved")
    for id_, change in policy.get("changes").items() if policy is not None else ():
        assert policy is not None
        if not (root / "runbooks" / f"{change['runbook']}.yaml").is_file():
            yield _finding(
                policy, ["changes", id_, "runbook"], "pre-approved",
                f"names runbooks/{change['runbook']}.yaml, which does not exist; write it or correct the name",
            )  # fmt: skip


def _finding(entry: Entry, path: list[str | int], rule: str, message: str) -> Finding:
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in path)
    where = visible(f"{entry.section}.{entry.id}.{where}", limit=160)
    return Finding(entry.file, line_at(entry.fields, path), rule, f"{where} {message}")
