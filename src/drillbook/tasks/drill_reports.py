"""The evidence page of a record, made anew after the record was checked."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, state_folder, task

if TYPE_CHECKING:
    from invoke.context import Context

_STAMP = len("20261122T053000Z-")
_LATER = re.compile(r".+-[0-9]+")


def find_record(root: Path, name: str) -> Path:
    """Give the folder of a record: by path, by its name, or the newest one of a drill.

    Raises UsageError when there is none.
    """
    from drillbook.errors import UsageError
    from drillbook.evidence.record import FOLDER, RECORD
    from drillbook.text import visible

    given = Path(name).expanduser()
    if given.name == RECORD:
        given = given.parent
    for folder in (given, root / FOLDER / name):
        if name and (folder / RECORD).is_file():
            return folder
    kept = sorted(path for path in (root / FOLDER).glob("[0-9]*") if (path / RECORD).is_file())
    newest = [path for path in kept if path.name[_STAMP:] == name]
    newest += [path for path in kept if _LATER.fullmatch(path.name, _STAMP) and _drill_of(path / RECORD) == name]
    if not newest:
        raise UsageError(
            f"there is no record, and no record of a drill, named '{visible(name, limit=80)}'",
            remedy=f"./inv drills.list shows the drills; records are below {FOLDER}",
        )
    return max(newest, key=lambda path: (path.name[:_STAMP], len(path.name), path.name))


def _drill_of(path: Path) -> str | None:
    """Give whose record a file claims to be; the second one of a second has a number behind the drill's name."""
    try:
        return str(json.loads(path.read_bytes())["drill"]["name"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


@task(
    touches=Touches.FILES,
    help={
        "record": "a record's folder or its name, or a drill's name for its newest record",
        "out": "the file to write; without it, one below .drillbook/reports",
        "lang": "the language that it shows first: en or zh; both are in it",
    },
)
def report(_: Context, record: str, out: str = "", lang: str = "en") -> None:
    """Check a record, and write its evidence as one HTML page."""
    from drillbook.console.files import write_file
    from drillbook.console.output import console
    from drillbook.evidence.page import page
    from drillbook.evidence.record import plans_of, read_record
    from drillbook.runbook.words import Words

    language = Words(lang).language
    root = estate_root()
    folder = find_record(root, record)
    checked = read_record(folder, root=root)
    text = page(checked.value, plans_of(folder, checked.value), language=language)
    path = Path(out) if out else state_folder(root) / "reports" / f"{folder.resolve().name}.html"
    write_file(path, text.encode(), folders=not out)
    console.print(str(path))
    if checked.absent:
        console.print(
            f"  ! the samples of {', '.join(checked.absent)} are not on this machine: "
            "their digests were not checked, everything else was"
        )
