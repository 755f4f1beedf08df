"""The git remote as arbiter between engineers: refs under ``refs/drillbook/`` that move by compare-and-swap.

All moves of one call go in one ``git push --atomic --force-with-lease=REF:OLD``: all of them, or none. Whoever comes
second sees that somebody was first, and is told who. It works with every git server that takes refs outside
``refs/heads`` and the capability ``atomic`` (git 2.4 and later); see git-push(1).
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drillbook.errors import Refused, RemoteUnreachable
from drillbook.ledger.store import Store
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PREFIX = "refs/drillbook/"
LEDGER = f"{PREFIX}ledger"
REMOTE_SECONDS = 30.0
# How the files of a server's refs look when two pushes meet in the same instant: neither was refused for good.
_BUSY = ("cannot lock ref", "failed to update ref", "failed to lock", "Unable to create", "reference already exists")
_BUSY_TRIES = 12


@dataclass(frozen=True, slots=True)
class Move:
    """A ref that is to go from one commit to another. ``old`` None: it must not exist; ``new`` None: it goes away."""

    ref: str
    old: str | None
    new: str | None


class Remote:
    """One git remote, by its URL."""

    def __init__(self, root: Path, url: str, *, seconds: float = REMOTE_SECONDS) -> None:
        """``root`` is the estate; ``url`` the pinned remote (a path is taken from ``root``).

        ``seconds`` is the time that each exchange with the remote may take. Raises Refused for what is no URL.
        """
        if not url or url.startswith("-") or any(ord(char) < ord(" ") for char in url):
            raise Refused(
                "there is no git remote that could arbitrate between engineers",
                remedy="./inv trust.pin --remote URL sets it; without a remote only break-glass is possible",
            )
        self.url = url
        self.store = Store(root)
        self._seconds = seconds

    def fetch(self) -> dict[str, str]:
        """Bring the remote's refs under ``refs/drillbook/`` here, with their objects; give each with its commit.

        Raises RemoteUnreachable.
        """
        with self.store.alone():
            done = self.store.git(
                "fetch", "--quiet", "--no-tags", "--prune", "--no-write-fetch-head", "--no-auto-gc", "--refmap=",
                "--end-of-options", self.url, f"+{PREFIX}*:{PREFIX}*",
                seconds=self._seconds,
            )  # fmt: skip
            if done.code != 0:
                raise self._unreachable(done.said)
            return self.known()

    def known(self) -> dict[str, str]:
        """Give the refs as they were fetched last."""
        lines = self.store.must("for-each-ref", "--format=%(refname) %(objectname)", PREFIX).decode().splitlines()
        return {ref: commit for ref, _, commit in (line.partition(" ") for line in lines)}

    def update(self, moves: Sequence[Move]) -> bool:
        """Make all moves, or none. False: somebody else was first with one of the refs; fetch tells who.

        A connection that broke when the remote had done it already counts as done. Raises RemoteUnreachable when
        the remote cannot be reached or whether it was done cannot be told, Refused when it does not take such refs.
        """
        changing = [move for move in moves if move.old != move.new]
        if not changing:
            return True
        arguments = [f"--force-with-lease={move.ref}:{move.old or ''}" for move in changing]
        refspecs = [f"{move.new or ''}:{move.ref}" for move in changing]
        said = ""
        for attempt in range(_BUSY_TRIES):
            done = self.store.git(
                "push", "--porcelain", "--atomic", "--no-verify", *arguments, "--end-of-options", self.url, *refspecs,
                seconds=self._seconds,
            )  # fmt: skip
            if done.code == 0:
                return True
            said = f"{done.said}\n{done.out.decode(errors='replace')}"
            now = self._there([move.ref for move in changing])
            if all(now.get(move.ref) == move.new for move in changing):
                return True
            if any(now.get(move.ref) != move.old for move in changing):
                return False
            if not any(word in said for word in _BUSY):
                break
            time.sleep(0.01 * (attempt + 1) * (1 + secrets.randbelow(100) / 100))
        if "[remote rejected]" in said or "does not support --atomic" in said:
            raise Refused(
                f"the remote {visible(self.url)} does not take refs under {PREFIX}: {_reason(said)}",
                remedy="who runs may push these refs: see docs/journal.md for what the server must allow",
            )
        raise self._unreachable(said)

    def _there(self, refs: Sequence[str]) -> Mapping[str, str]:
        """Ask the remote where refs stand, without bringing anything here."""
        done = self.store.git("ls-remote", "--end-of-options", self.url, *refs, seconds=self._seconds)
        if done.code != 0:
            raise self._unreachable(done.said)
        lines = done.out.decode(errors="replace").splitlines()
        return {ref: commit for commit, _, ref in (line.partition("\t") for line in lines)}

    def _unreachable(self, said: str) -> RemoteUnreachable:
        return RemoteUnreachable(
            f"the git remote {visible(self.url)} cannot be used: {_reason(said)}",
            remedy="mend the connection and try again; in an emergency, ./inv runbooks.run … --emergency --reason …",
        )


def _reason(said: str) -> str:
    """Give the line of git's output that says what is wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "rejected" in line or line.startswith(("fatal:", "error:", "ssh:", "remote:"))]
    return visible((telling or lines or ["git said nothing"])[0])
