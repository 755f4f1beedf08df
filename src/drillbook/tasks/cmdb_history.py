"""How an entry of the CMDB came to be as it is. Part of the namespace ``cmdb``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    touches=Touches.FILES,
    positional=["item"],
    help={
        "item": "any id that the CMDB has or had: an item, a service, a person, a policy, a room",
        "since": "only what was changed on this day or later, such as 2026-09-30 (UTC)",
        "json": "print everything as JSON",
        "html": "write a page to this file",
        "lang": "en or zh",
    },
)
def history(
    _context: Context, item: str, since: str = "", json: bool = False, html: str = "", lang: str = "en"
) -> None:
    """Show each commit that changed an entry: when, who, why, approved by whom, old and new values."""
    from json import dumps
    from pathlib import Path

    from drillbook.audit.page.history import history_json, history_page
    from drillbook.audit.tell import told_history
    from drillbook.clock import SystemClock
    from drillbook.console.audit_view import show_entry_history
    from drillbook.console.files import write_file
    from drillbook.console.output import console
    from drillbook.errors import UsageError
    from drillbook.zone import local_zone

    if lang not in ("en", "zh"):
        raise UsageError(f"--lang {lang[:20]}: it must be --lang en or --lang zh")
    told = told_history(estate_root(), item, since=since, clock=SystemClock())
    zone = local_zone()
    if html:
        write_file(Path(html), history_page(told, zone=zone, language=lang).encode())
        if not json:
            console.print(f"✓ written  {html}")
    if json:
        console.write(dumps(history_json(told), ensure_ascii=False, indent=1) + "\n")
    elif not html:
        show_entry_history(told, console, zone=zone, language=lang)
