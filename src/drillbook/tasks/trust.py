"""The trusted base: pin it, see it, move it forward; enrol keys; name owners of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

    from drillbook.change.trust.base import Base
    from drillbook.change.trust.pin import Pin
    from drillbook.repo.git import Repository


@task(
    touches=Touches.FILES,
    positional=["commit"],
    help={
        "commit": "the commit to trust: an id, as a second person has it too; a branch's name is only a name",
        "remote": "URL of the git remote that engineers share; that of origin unless told",
        "yes": "do not ask: the id was compared",
    },
)
def pin(_context: Context, commit: str, remote: str | None = None, *, yes: bool = False) -> None:
    """Trust a commit from now on: all authority (people, keys, roles, rules) is read from it."""
    from drillbook.change.trust.base import base_of, exported, point_to, require_past
    from drillbook.change.trust.pin import Pin, locked, place_of, read_pin, write_pin
    from drillbook.clock import SystemClock, timestamp
    from drillbook.console.output import console
    from drillbook.console.trust_view import commit_lines, people_lines
    from drillbook.errors import Refused
    from drillbook.repo.git import Repository
    from drillbook.repo.tree import tree_digest

    root = estate_root()
    repo = Repository(root)
    wanted = repo.commit(repo.resolve(commit))
    repository = repo.repository_id(wanted.id)
    if repository != repo.repository_id(repo.head()):
        raise Refused(
            f"commit {wanted.id[:12]} and what is checked out have no history in common",
            remedy="check out the branch that everybody follows: git switch main",
        )
    now = SystemClock().now()
    require_past(wanted, now)
    place = place_of(repository)
    try:
        before = read_pin(place)
    except Refused as error:
        console.print(f"! the pin that was there cannot be trusted: {error.message}", markup=False)
        before = None
    fresh = Pin(
        repository=repository,
        commit=wanted.id,
        digest=tree_digest(repo, wanted.id),
        remote=_remote(repo, remote, before),
        last_seen=timestamp(now),
        ledger=before.ledger if before is not None else "",
    )
    folder = exported(repo, place, fresh)
    base = base_of(fresh, place, folder, wanted)
    lines = ["This commit would be trusted from now on:", *commit_lines(wanted, fresh.digest)]
    lines += [
        f"  remote   {fresh.remote or 'none: only break-glass and the lab work without one'}",
        *people_lines(base),
    ]
    if before is not None:
        lines += _warning(repo, before, fresh)
    lines += [
        "",
        "Compare the commit's id with a second person, who looks at their own clone (git rev-parse main), by voice or",
        "in person: it is the one thing that nothing here can check. (docs/trust.md)",
    ]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    if not yes:
        _confirm(wanted.id)
    with locked(place):
        write_pin(place, fresh)
    point_to(place, folder)
    console.print(f"✓ pinned: {place.file}", soft_wrap=True, markup=False)


def _remote(repo: Repository, given: str | None, before: Pin | None) -> str:
    """Give the remote's URL: as given, as pinned before, or origin's; a path as a whole one."""
    from pathlib import Path

    from drillbook.change.trust.fetch import checked_url

    url = given if given is not None else before.remote if before is not None else repo.remote_url() or ""
    if not url:
        return ""
    path = Path(url).expanduser()
    return checked_url(str((repo.root / path).resolve()) if (repo.root / path).is_dir() else url)


def _warning(repo: Repository, before: Pin, new: Pin) -> list[str]:
    from drillbook.errors import Refused

    if before.commit == new.commit:
        return ["", "It is pinned already; the remote and the time are set anew."]
    try:
        if repo.is_ancestor(before.commit, new.commit):
            how = "forward, past approvals: ./inv trust.advance moves it along commits that were approved"
        elif repo.is_ancestor(new.commit, before.commit):
            how = "BACKWARD: people, keys and rules that were withdrawn since would count again"
        else:
            how = "ASIDE, to another line of history"
    except Refused:
        how = "away from a commit that this clone does not have"
    return [
        "",
        f"! WARNING: another commit is trusted now: {before.commit} (used last {before.seen_at:%Y-%m-%d %H:%M} UTC).",
        f"! This moves the base {how}.",
        "! Who asks you to do this asks for all authority; do it only if you know why.",
    ]


def _confirm(commit: str) -> None:
    import sys

    from drillbook.console.trust_view import ends_as
    from drillbook.errors import StoppedByPerson

    if not sys.stdin.isatty():
        raise StoppedByPerson(
            "nothing was pinned: there is no terminal to confirm it on",
            remedy="compare the id with a second person, then add --yes",
        )
    try:
        typed = input("Type the last four characters of the id (or more) as the other person reads them to you: ")
    except EOFError:
        typed = ""
    if not ends_as(commit, typed):
        raise StoppedByPerson("nothing was pinned: that is not how this id ends")


@task(touches=Touches.NOTHING)
def status(_context: Context) -> None:
    """Show which commit is trusted, where that is written down, and how what is checked out differs from it."""
    from drillbook.change.trust.base import trusted_base
    from drillbook.change.trust.engine import running_engine_digest
    from drillbook.change.trust.pin import read_pin
    from drillbook.clock import SystemClock
    from drillbook.console.output import console
    from drillbook.console.trust_view import commit_lines, people_lines
    from drillbook.repo.git import Repository

    root = estate_root()
    base = trusted_base(root, SystemClock())
    repo = Repository(root)
    pinned = read_pin(base.place)
    assert pinned is not None
    running = "is the one that runs now" if running_engine_digest() == base.engine else "is another than runs now"
    lines = [
        "Trusted:",
        *commit_lines(repo.commit(base.commit), base.digest),
        f"  remote   {base.remote or 'none'}",
        f"  engine   {base.engine[:19]}… {running}",
        f"  used     {pinned.seen_at:%Y-%m-%d %H:%M} UTC",
        f"  pin      {base.place.file}",
        f"  files    {base.place.folder / 'base'}",
        *people_lines(base),
        *_apart(repo, base),
    ]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


def _apart(repo: Repository, base: Base) -> list[str]:
    """Tell how HEAD and the work tree stand to the base."""
    from drillbook.repo.tree import is_free
    from drillbook.text import visible

    head = repo.head()
    changed = [each.path for each in repo.changed(base.commit, head, renames=False) if not is_free(each.path)]
    dirty = [path for path in repo.uncommitted() if not is_free(path)]
    lines = [f"Checked out: {head[:12]} ({repo.branch() or 'no branch'})"]
    for what, paths in (("differ from the trusted ones", changed), ("are not committed", dirty)):
        if paths:
            shown = ", ".join(visible(path, limit=60) for path in paths[:5])
            lines.append(f"  governed files that {what} ({len(paths)}): {shown}{' …' if len(paths) > 5 else ''}")  # noqa: PLR2004
    return lines if len(lines) > 1 else [*lines, "  its governed files are the trusted ones"]


@task(
    touches=Touches.FILES,
    help={"to": "move to this commit; the pinned remote's main unless told, which is fetched first"},
)
def advance(_context: Context, to: str | None = None) -> None:
    """Move the trusted base forward along commits that were approved; say of each why, or why not."""
    from drillbook.tasks.as_base import run_as_base

    root = estate_root()
    run_as_base(root)  # before anything else of this engine is loaded
    _advance(root, to)


def _advance(root: Path, to: str | None) -> None:
    from drillbook.change.trust.advance import advance as move
    from drillbook.change.trust.base import trusted_base
    from drillbook.clock import SystemClock
    from drillbook.console.output import console
    from drillbook.console.trust_view import step_line

    clock = SystemClock()
    before = trusted_base(root, clock)
    candidate = to if to is not None else _candidate(root, before)
    base = move(root, candidate, clock, tell=lambda step: console.print(step_line(step), markup=False, soft_wrap=True))
    if base.commit == before.commit:
        console.print(f"✓ nothing newer: {base.commit[:12]} is trusted", markup=False)
    else:
        console.print(f"✓ {base.commit[:12]} is trusted now; it was {before.commit[:12]}", markup=False)


def _candidate(root: Path, base: Base) -> str:
    from drillbook.change.trust.fetch import fetch_main
    from drillbook.console.output import console
    from drillbook.errors import RemoteUnreachable
    from drillbook.repo.git import Repository

    if base.remote:
        try:
            return fetch_main(Repository(root), base.remote)
        except RemoteUnreachable as error:
            console.print(f"! {error.message}; what is checked out is looked at instead", markup=False, soft_wrap=True)
    return "HEAD"


@task(
    touches=Touches.FILES,
    positional=["person", "key"],
    help={"person": "the person (id of the CMDB)", "key": "the file of the public key, such as ~/.ssh/id_ed25519.pub"},
)
def enrol(_context: Context, person: str, key: str) -> None:
    """Write a person's public key into the CMDB; it counts when a change brings it into the trusted base."""
    from pathlib import Path

    from drillbook.change.trust.enrol import enrol as write_key
    from drillbook.console.output import console
    from drillbook.signing.sign import public_key_of

    done = write_key(estate_root(), person, public_key_of(Path(key).expanduser()))
    console.print(
        f"✓ {done.file}: {done.key[:40]}… is a key of {done.person}\n"
        "  It counts once it is in the trusted base: commit it, and ask for a change of the configuration\n"
        "  (./inv trust.owners, then ./inv changes.new --configuration …)",
        markup=False, highlight=False, soft_wrap=True,
    )  # fmt: skip


@task(touches=Touches.FILES, help={"check": "write nothing; exit with 3 when a file is not what the CMDB says"})
def owners(_context: Context, *, check: bool = False) -> None:
    """Write .github/CODEOWNERS and allowed_signers from the CMDB."""
    from drillbook.change.trust.owners import owner_files, stale_owner_files
    from drillbook.cmdb.load import load
    from drillbook.console.files import write_file
    from drillbook.console.output import console
    from drillbook.errors import InvalidInput

    root = estate_root()
    cmdb = load(root)
    if check:
        findings = stale_owner_files(cmdb, root)
        if findings:
            raise InvalidInput(findings)
        console.print("✓ CODEOWNERS and allowed_signers are what the CMDB says")
        return
    for path, content in owner_files(cmdb).items():
        write_file(root / path, content, folders=True)
        console.print(f"✓ {path}", markup=False)
