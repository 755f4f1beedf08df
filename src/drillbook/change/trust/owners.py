"""Who must look at which file on the forge, and whose signatures there are: CODEOWNERS and allowed_signers.

Both are made from the CMDB of the work tree and committed with it. They are for the forge and for people with
ssh-keygen at hand; what drillbook itself goes by is the trusted base.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from drillbook.change.trust.authority import holders, rules_for
from drillbook.change.trust.case import CONFIGURATION, Case
from drillbook.change.trust.engine import BESIDE
from drillbook.errors import Finding, Refused
from drillbook.signing.keys import Signers
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from drillbook.cmdb.model import Cmdb

CODEOWNERS = ".github/CODEOWNERS"
ALLOWED_SIGNERS = "allowed_signers"
COMMAND = "./inv trust.owners"

# What decides and what runs, beside the files of the CMDB that say who may do what.
_GUARDED = (
    *BESIDE, "cmdb.yaml", "src/", "inv", "tasks.py", "pyproject.toml", "requirements.lock", "requirements-uv.lock",
    "playbooks/checks/", ".github/", ".gitlab-ci.yml", ".ci/", ".gitattributes", ALLOWED_SIGNERS, CODEOWNERS,
)  # fmt: skip
_FORGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}")
# What a line of CODEOWNERS takes as it is: no blank, no '#', no pattern of characters.
_PLAIN = re.compile(r"[A-Za-z0-9._@+/][A-Za-z0-9._@+/-]*")


def owner_files(cmdb: Cmdb) -> dict[str, bytes]:
    """Give the two files by their paths. Raises Refused when nobody could be named for a file that must have owners."""
    return {CODEOWNERS: codeowners(cmdb).encode(), ALLOWED_SIGNERS: allowed_signers(cmdb).encode()}


def stale_owner_files(cmdb: Cmdb, root: Path) -> list[Finding]:
    """Give a finding for each of the two files that is not what the CMDB of ``root`` makes of it."""
    found = []
    for path, content in owner_files(cmdb).items():
        try:
            written = (root / path).read_bytes()
        except OSError:
            written = None
        if written != content:
            state = "is missing" if written is None else "is not what the CMDB says"
            found.append(Finding(path, 1, "owners", f"the file {state}; write it anew: {COMMAND}"))
    return found


def codeowners(cmdb: Cmdb) -> str:
    """Give CODEOWNERS: on the forge, every file is looked at by people whose approval would count for it."""
    everywhere = _owners(cmdb, "")
    lines = [
        "# Who must look at what, as the policy approvals of the CMDB has it. Never edited by hand:",
        f"# made by {COMMAND}. The last line that fits a file counts. The forge's review comes on top of the",
        "# signed approvals, which alone move the trusted base.",
        f"* {everywhere}",
    ]
    lines += [f"/{path} {_owners(cmdb, path)}" for path in _guarded(cmdb)]
    return "\n".join(lines) + "\n"


def allowed_signers(cmdb: Cmdb) -> str:
    """Give the keys of all people for ``ssh-keygen -Y verify -f allowed_signers`` (OpenSSH 9.1 for the dates)."""
    signers = Signers.of({person.id: person.get("signing_keys", ()) for person in cmdb.people})
    return (
        f"# Who signs requests, approvals, results and journals. Never edited by hand: made by {COMMAND}.\n"
        "# ssh-keygen -Y verify -f allowed_signers -I PERSON -n drillbook-approval -s FILE.sig < FILE.json\n"
        f"{signers.allowed_signers()}"
    )


def _guarded(cmdb: Cmdb) -> list[str]:
    saying = {entry.file for section in (cmdb.people, cmdb.policies, cmdb.environments) for entry in section}
    return [*sorted(_checked(path) for path in saying - {"cmdb.yaml"}), *_GUARDED]


def _checked(path: str) -> str:
    if _PLAIN.fullmatch(path) is None:
        raise Refused(
            f"the file '{visible(path, limit=80)}' says who may do what, and its name cannot stand in CODEOWNERS",
            remedy="rename it: letters, digits, dots and dashes",
        )
    return path


def _owners(cmdb: Cmdb, path: str) -> str:
    """Give the forge names of the people whose approval counts when a file is changed, as CODEOWNERS has them."""
    rules = rules_for(Case(CONFIGURATION, "normal", paths=(path,)), cmdb)
    people = holders({role for rule in rules for role in rule.approved_by}, cmdb)
    names = [f"@{name}" for name in _forge_names(cmdb, people)]
    if not names:
        raise Refused(
            f"nobody who may approve a change of {path or 'any file'} has a name on the forge, and without owners it "
            "is open to all",
            remedy=f"add 'forge: NAME' to one of: {', '.join(people) or 'people with a role that approves'}",
        )
    return " ".join(names)


def _forge_names(cmdb: Cmdb, people: Iterable[str]) -> list[str]:
    names = [(person, cmdb.people[person].get("forge")) for person in people]
    for person, name in names:
        if name is not None and (not isinstance(name, str) or _FORGE.fullmatch(name) is None):
            raise Refused(f"{person} has the name '{visible(str(name), limit=60)}' on the forge, which is none")
    return sorted({name for _, name in names if name is not None}, key=str.casefold)
