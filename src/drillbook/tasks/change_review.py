"""Reviewing a pull request: what it would bring, read as data by the base's engine."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

    from drillbook.repo.git import Repository
    from drillbook.review.authority import Authority

_USUAL = "origin/main"


@task(
    touches=Touches.NOTHING,
    help={
        "base": "what it would be merged into; the trusted base, or origin/main where nothing is pinned",
        "head": "the proposal; what is checked out, unless told",
        "json": "print JSON, for a program",
        "markdown": "print the Markdown of the comment also on a terminal; elsewhere it always is",
        "out": "write it to this file",
        "lang": "language: en or zh",
    },
)
def review(
    _: Context,
    *,
    base: str = "",
    head: str = "HEAD",
    json: bool = False,
    markdown: bool = False,
    out: str = "",
    lang: str = "en",
) -> None:
    """Say what a pull request would bring, as the comment on it; nothing of it is run."""
    import tempfile
    from json import dumps
    from pathlib import Path

    from drillbook.console.files import write_file
    from drillbook.console.markdown_view import show_markdown
    from drillbook.console.output import console, errors
    from drillbook.repo.git import Repository
    from drillbook.review.comment import comment
    from drillbook.review.compose import find_range, make_review
    from drillbook.review.to_json import to_json
    from drillbook.review.words import Words

    Words(lang)  # a wrong language is said before the work
    repo = Repository(estate_root())
    with tempfile.TemporaryDirectory(prefix="drillbook-base-") as scratch:
        name, authority = _authority(repo, base, Path(scratch) / "files")
        made = make_review(repo, find_range(repo, name, head, trusted=not base and authority.pinned), authority)
    text = dumps(to_json(made), ensure_ascii=False, indent=1) + "\n" if json else comment(made, lang)
    apart = repo.uncommitted() if head == "HEAD" else []
    if apart:
        errors.print(f"! {len(apart)} files of the work tree are not committed, and no part of this", soft_wrap=True)
    if out:
        write_file(Path(out), text.encode("utf-8", "backslashreplace"))
        errors.print(f"✓ {out}: {made.verdict}", soft_wrap=True)
    elif console.is_terminal and not (json or markdown):
        show_markdown(text, console)
    else:
        console.write(text)
    if made.exit_code:
        sys.exit(made.exit_code)


def _authority(repo: Repository, base: str, into: Path) -> tuple[str, Authority]:
    """Give the name of the base to compare with, and whose word counts: the trusted base's, where there is one."""
    from drillbook.change.trust.base import trusted_base
    from drillbook.change.trust.pin import place_of, read_pin
    from drillbook.clock import SystemClock
    from drillbook.review.authority import Authority, named_base
    from drillbook.tasks.as_base import run_as_base
    from drillbook.zone import local_zone

    clock, zone = SystemClock(), local_zone()
    repo.require_whole()
    if read_pin(place_of(repo.repository_id(repo.head()))) is not None:
        run_as_base(repo.root)
        trusted = trusted_base(repo.root, clock)
        authority = Authority(trusted, pinned=True, valid=True, at=clock.now(), zone=zone)
        return base or trusted.commit, authority
    name = base or _USUAL
    return name, named_base(repo, repo.resolve(name), into, at=clock.now(), zone=zone)
