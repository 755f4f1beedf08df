"""Runs git with an environment of our own, in which nothing of a repository's configuration runs a program."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from drillbook.repo.process import Done, run_quietly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Later values win over those of the repository's own configuration.
_SAFE = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.commitGraph": "false",
    "core.pager": "cat",
    "core.quotePath": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "diff.external": "",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "fetch.recurseSubmodules": "false",
    "push.gpgSign": "false",
    "commit.gpgSign": "false",
    "log.showSignature": "false",
    "safe.bareRepository": "explicit",
}


def run_git(
    root: Path,
    argv: Sequence[str],
    *,
    stdin: bytes = b"",
    timeout: float,
    network: bool = False,
    env: Mapping[str, str] | None = None,
) -> Done:
    """Run git in ``root`` and give how it ended. ``timeout`` in seconds.

    ``network``: it may talk to a remote, with the person's own configuration of git; otherwise no protocol is allowed.
    ``env`` adds variables. Raises MissingPrerequisite when there is no git, Refused when it did not end in time.
    """
    return run_quietly(
        ["git", "--no-pager", "--literal-pathspecs", *argv],
        env={**_environment(root, network=network), **(env or {})},
        timeout=timeout,
        stdin=stdin,
        cwd=root,
        package="git",
    )


def _environment(root: Path, *, network: bool) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # A remote is spoken to with the clone's own configuration, which names programs. So there git's rule holds that a
    # clone of another user is not used, unless the person has said that it may be.
    settings = _SAFE if network else {**_SAFE, "safe.directory": str(root)}
    kept |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_GRAFT_FILE": "/dev/null",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh" if network else "none",
        "GIT_CONFIG_COUNT": str(len(settings)),
        "SSH_ASKPASS_REQUIRE": "never",
    }
    if network:
        kept |= {name: value for name, value in os.environ.items() if name in {"GIT_SSH_COMMAND", "GIT_SSL_CAINFO"}}
    else:
        kept |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ATTR_NOSYSTEM": "1"}
    for number, (name, value) in enumerate(settings.items()):
        kept[f"GIT_CONFIG_KEY_{number}"], kept[f"GIT_CONFIG_VALUE_{number}"] = name, value
    return kept
