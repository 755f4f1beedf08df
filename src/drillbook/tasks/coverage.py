"""What protects what, and which single failure nothing brings back in time. Part of the namespace ``standby``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from pathlib import Path

    from invoke.context import Context

    from drillbook.cmdb.model import Cmdb


@task(
    touches=Touches.FILES,
    iterable=["in_use"],
    help={
        "in-use": "what if: the protection that has its spare already, such as my-spare; may be given again",
        "base": "compare with this commit, such as origin/main: exit code 20 when something is covered worse",
        "all": "each item of a service, each spare, and what shares a building or a site",
        "json": "print JSON, for a program",
        "html": "write a page to this file",
        "lang": "en or zh",
    },
)
def coverage(
    _: Context,
    *,
    in_use: list[str] | None = None,
    base: str = "",
    all_: bool = False,
    json: bool = False,
    html: str = "",
    lang: str = "en",
) -> None:
    """Hold each service against what protects it, and each spare against what it covers."""
    from json import dumps
    from pathlib import Path

    from rich.text import Text

    from drillbook.cmdb.load import load
    from drillbook.console.coverage_view import coverage_view
    from drillbook.console.files import write_file
    from drillbook.console.output import console
    from drillbook.coverage.accepted import lost_cover
    from drillbook.coverage.as_data import coverage_data
    from drillbook.coverage.cover import coverage as coverage_of
    from drillbook.errors import ExitCode

    _require_language(lang)
    root = estate_root()
    cmdb = load(root)
    found = coverage_of(cmdb, in_use=tuple(in_use or ()))
    worse = lost_cover(coverage_of(_at(root, base)), found) if base else ()
    if html:
        from drillbook.console.coverage_page.coverage import coverage_page

        write_file(Path(html), coverage_page(cmdb, found, language=lang).encode())
        if not json:
            console.print(f"✓ written  {html}", soft_wrap=True)
    if json:
        data = coverage_data(found) | ({"worse": [list(each) for each in worse]} if base else {})
        console.write(dumps(data, ensure_ascii=False, indent=1) + "\n")
    elif not html:
        console.print(coverage_view(found, language=lang, whole=all_))
    for service, item, before, now in worse if not json else ():
        console.print(Text(f"✗ {service}: {item} was covered {before}, and is covered {now}", style="bold red"))
    if worse:
        sys.exit(ExitCode.MISSED)


@task(
    touches=Touches.FILES,
    help={
        "base": "compare with this commit, such as origin/main: only what it does not have decides the exit code",
        "all": "also each that is accepted, one by one",
        "json": "print JSON, for a program",
        "html": "write a page to this file",
        "lang": "en or zh",
    },
)
def nminus1(
    _: Context, *, base: str = "", all_: bool = False, json: bool = False, html: str = "", lang: str = "en"
) -> None:
    """Try every single failure: which leave a service with no way back within its RTO. Exit code 20: some do."""
    from json import dumps
    from pathlib import Path

    from drillbook.clock import SystemClock
    from drillbook.cmdb.load import load
    from drillbook.console.files import write_file
    from drillbook.console.nminus1_view import Told, nminus1_view
    from drillbook.console.output import console
    from drillbook.coverage.accepted import judge, worse
    from drillbook.coverage.as_data import nminus1_data
    from drillbook.coverage.nminus1 import nminus1 as nminus1_of
    from drillbook.errors import ExitCode

    _require_language(lang)
    root, today = estate_root(), SystemClock().now().date()
    cmdb = load(root)
    found = nminus1_of(cmdb)
    fresh = worse(nminus1_of(_at(root, base)), found) if base else None
    told = Told(cmdb, found, judge(cmdb, found, today=today), fresh)
    if html:
        from drillbook.console.coverage_page.nminus1 import nminus1_page

        write_file(Path(html), nminus1_page(told, language=lang).encode())
        if not json:
            console.print(f"✓ written  {html}", soft_wrap=True)
    if json:
        console.write(dumps(nminus1_data(found, told.judged, fresh), ensure_ascii=False, indent=1) + "\n")
    elif not html:
        console.print(nminus1_view(told, language=lang, whole=all_))
    if told.deciding:
        sys.exit(ExitCode.MISSED)


def _require_language(lang: str) -> None:
    from drillbook.errors import UsageError

    if lang not in ("en", "zh"):
        raise UsageError(f"--lang {lang[:20]}: it must be --lang en or --lang zh")


def _at(root: Path, revision: str) -> Cmdb:
    """Give the CMDB of the commit at which what is checked out left ``revision``, read as data.

    Raises UsageError when there is none, or when it has findings: nothing can be held against it then.
    """
    import tempfile
    from pathlib import Path

    from drillbook.cmdb.load import draft
    from drillbook.errors import UsageError
    from drillbook.repo.git import Repository
    from drillbook.repo.tree import export
    from drillbook.review.compose import find_range

    repo = Repository(root)
    commit = find_range(repo, revision, "HEAD").old
    with tempfile.TemporaryDirectory(prefix="drillbook-base-") as scratch:
        into = Path(scratch) / "files"
        export(repo, commit, into, governed=True)
        cmdb, findings = draft(into)
    if findings:
        raise UsageError(
            f"the CMDB of {revision[:80]} ({commit[:12]}) has findings, so that nothing can be held against it: "
            f"{findings[0]}",
            remedy="look at it without --base, or name a later commit",
        )
    return cmdb
