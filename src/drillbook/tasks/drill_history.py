"""How drills went over time. Part of the namespace ``drills``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task

if TYPE_CHECKING:
    from invoke.context import Context


@task(
    touches=Touches.FILES,
    help={
        "drill": "the drill's name, see drills.list",
        "last": "how many of the newest runs the terminal shows",
        "every_step": "the steps before and afterwards too",
        "html": "write a page to this file",
        "svg": "write the drawing to this file",
        "json": "print everything as JSON",
        "lang": "en or zh",
    },
)
def history(  # noqa: PLR0917 - options, which invoke gives by name
    _: Context,
    drill: str,
    last: int = 20,
    every_step: bool = False,
    html: str = "",
    svg: str = "",
    json: bool = False,
    lang: str = "en",
) -> None:
    """Show how a drill went over its runs: outage, steps, trend, the slowest step."""
    from json import dumps
    from pathlib import Path

    from drillbook.clock import SystemClock
    from drillbook.console.files import write_file
    from drillbook.console.history_view import show_history
    from drillbook.console.output import console
    from drillbook.drill.load import find_drill
    from drillbook.errors import UsageError
    from drillbook.evidence.archive import read_archive
    from drillbook.evidence.history.page import page
    from drillbook.evidence.history.plot import plot
    from drillbook.evidence.history.runs import history as history_of
    from drillbook.evidence.history.runs import to_json
    from drillbook.text import visible
    from drillbook.zone import local_zone

    if lang not in ("en", "zh"):
        raise UsageError(f"--lang {lang[:20]}: it must be --lang en or --lang zh")
    if last < 1:
        raise UsageError(f"--last {last}: it must be at least 1")
    root = estate_root()
    archive = read_archive(root)
    found = history_of(archive, drill, now=SystemClock().now())
    if not found.runs and not found.distrusted:
        find_drill(root, drill)  # a drill that is gone may have records; one that never was is a mistake
    zone = local_zone()
    for file, text in (
        (html, page(found, zone=zone, language=lang) if html else ""),
        (svg, str(plot(found, zone=zone, language=lang)) + "\n" if svg else ""),
    ):
        if file:
            write_file(Path(file), text.encode())
            if not json:
                console.print(f"✓ written  {file}")
    if json:
        console.write(dumps(to_json(found), ensure_ascii=False, indent=1) + "\n")
    elif not found.runs and not found.distrusted:
        console.print(f"{visible(drill)}: nothing recorded yet. Run it: ./inv drills.run {drill}")
    elif not html and not svg:
        show_history(found, console, zone=zone, language=lang, shown=last, every=every_step)
