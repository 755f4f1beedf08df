"""Brings the branch that everybody follows from the pinned remote: candidates for the base, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.errors import RemoteUnreachable, UsageError
from drillbook.text import forbidden_character, visible

if TYPE_CHECKING:
    from drillbook.repo.git import Repository

# The remote's main, or what it has checked out when there is no main.
_BRANCHES = ("refs/heads/main", "HEAD")
_HERE = "refs/remotes/drillbook/main"
_SECONDS = 60.0


def fetch_main(repo: Repository, url: str) -> str:
    """Fetch the remote's main branch and give its commit. Raises RemoteUnreachable with git's words."""
    said = ""
    for branch in _BRANCHES:
        done = repo.try_git(
            "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head", "--no-auto-gc",
            "--end-of-options", checked_url(url), f"+{branch}:{_HERE}",
            network=True, timeout=_SECONDS,
        )  # fmt: skip
        if done.code == 0:
            return repo.resolve(_HERE)
        said = said or done.said
    raise RemoteUnreachable(
        f"the pinned remote {visible(url, limit=100)} gave no branch: {visible(said, limit=200)}",
        remedy="try what git says: git fetch; or name a commit that is here: ./inv trust.advance --to REV",
    )


def checked_url(url: str) -> str:
    """Give a remote's URL when it is one. Raises UsageError: it could be an option, or starts a program."""
    if not url or url.startswith("-") or "::" in url or len(url) > 1000 or forbidden_character(url) is not None:  # noqa: PLR2004
        raise UsageError(
            f"'{visible(url, limit=100)}' is no URL of a git remote",
            remedy="such as ssh://git@forge/estate.git or a path",
        )
    return url
