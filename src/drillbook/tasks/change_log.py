"""Who did what, when, why, approved by whom, on which item. Part of the namespace ``changes``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    touches=Touches.FILES,
    help={
        "item": "only what touched this item, and the commits that changed its entry in the CMDB",
        "service": "only what could interrupt this service, and the commits that changed its entry",
        "person": "only what this person asked for, approved, ran or reviewed (id)",
        "since": "only from this day on, such as 2026-09-30 (UTC)",
        "until": "only up to this day, with it (UTC)",
        "environment": "only in this environment",
        "type": "only standard, normal, emergency, or unapproved (commits, with --item)",
        "all": "each standard run of the lab too, which are counted otherwise",
        "offline": "do not ask the git remote",
        "json": "print everything as JSON",
        "html": "write a page to this file",
        "lang": "en or zh",
    },
)
def log(  # noqa: PLR0917 - options, which invoke gives by name
    _: Context,
    item: str = "",
    service: str = "",
    person: str = "",
    since: str = "",
    until: str = "",
    environment: str = "",
    type: str = "",  # noqa: A002 - the option's name
    all: bool = False,  # noqa: A002 - the option's name
    offline: bool = False,
    json: bool = False,
    html: str = "",
    lang: str = "en",
) -> None:
    """Tell who did what, when, why, approved by whom, on which item, and what proves it."""
    from json import dumps
    from pathlib import Path

    from drillbook.audit.collect import change_log
    from drillbook.audit.page.log import log_json, log_page
    from drillbook.audit.query import query_of
    from drillbook.clock import SystemClock
    from drillbook.console.audit_log_view import show_log
    from drillbook.console.files import write_file
    from drillbook.console.output import console
    from drillbook.errors import UsageError
    from drillbook.zone import local_zone

    if lang not in ("en", "zh"):
        raise UsageError(f"--lang {lang[:20]}: it must be --lang en or --lang zh")
    options = {
        "item": item, "service": service, "person": person, "since": since, "until": until,
        "environment": environment, "type": type,
    }  # fmt: skip
    query = query_of(**options)
    clock, zone = SystemClock(), local_zone()
    found = change_log(estate_root(), query, clock=clock, offline=offline)
    every = all or bool(environment) or type == "standard"
    if html:
        asked = " ".join(f"--{name} {value}" for name, value in options.items() if value)
        page = log_page(found, asked=asked, every=every, now=clock.now(), zone=zone, language=lang)
        write_file(Path(html), page.encode())
        if not json:
            console.print(f"✓ written  {html}")
    if json:
        console.write(dumps(log_json(found, every=every), ensure_ascii=False, indent=1) + "\n")
    elif not html:
        show_log(found, console, every=every, zone=zone, language=lang)
