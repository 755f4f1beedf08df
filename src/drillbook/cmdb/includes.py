"""Which files make up the CMDB: ``cmdb.yaml`` and what it includes, all inside the repository."""

from __future__ import annotations

import glob
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.errors import Finding
from drillbook.source import Seq
from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.source import Map

TOP = "cmdb.yaml"


@dataclass(frozen=True, slots=True)
class Included:
    """A file of the CMDB. ``name`` is its path from the root, as findings show it."""

    path: Path
    name: str


def included(root: Path, top: Map) -> tuple[list[Included], list[Finding]]:
    """Give the files that the top file includes, in its order (of a pattern: by name).

    Args:
        root: the folder of cmdb.yaml.
        top: what cmdb.yaml holds.

    Returns:
        The files that can be read, and a finding for each entry that cannot be followed: it leads
        outside the folder (by ``..``, an absolute path or a link), matches nothing, is no file, or
        comes twice.
    """
    files: list[Included] = []
    findings: list[Finding] = []
    entries = top.get("include")
    if not isinstance(entries, Seq):
        return files, findings
    base = Path(os.path.realpath(root))
    seen = {base / TOP: TOP}
    for entry, line in zip(entries, entries.each_line(), strict=True):
        if not isinstance(entry, str):
            continue  # the schema says so
        problem = _refused(entry)
        matches = [] if problem else _matches(root, entry)
        if not problem and not matches:
            problem = "matches no file; name a file that exists, such as cmdb.d/sites.yaml"
        if problem:
            findings.append(_finding(top, line, entry, problem))
        for match in matches:
            path = Path(os.path.realpath(root / match))
            problem = _unusable(path, base)
            if path in seen:
                problem = f"comes twice (as {visible(seen[path])} before); include each file once"
            if problem:
                findings.append(_finding(top, line, match, problem))
            else:
                seen[path] = match
                files.append(Included(path=root / match, name=visible(match)))
    return files, findings


def _finding(top: Map, line: int, entry: str, problem: str) -> Finding:
    return Finding(top.file, line, "include", f"'{visible(entry, limit=80)}' {problem}")


def _refused(entry: str) -> str | None:
    parts = entry.split("/")
    if entry.startswith(("/", "~")) or ".." in parts or "\0" in entry or "\\" in entry:
        return "leads outside the repository; name a file inside it, such as cmdb.d/sites.yaml"
    if any("**" in part for part in parts):
        return "has '**'; name one folder, such as cmdb.d/*.yaml"
    return None


def _matches(root: Path, entry: str) -> list[str]:
    if glob.has_magic(entry):
        # Path.glob would take .hidden files too, which editors leave for a moment.
        return sorted(glob.glob(entry, root_dir=root))  # noqa: PTH207
    return [os.path.normpath(entry)] if entry and os.path.lexists(root / entry) else []


def _unusable(path: Path, base: Path) -> str | None:
    if not path.is_relative_to(base):
        return "is a link that leads outside the repository; put the file itself there"
    if path.is_dir():
        return "is a folder; name the files in it, such as cmdb.d/*.yaml"
    if not path.is_file():
        return "is not a file that can be read; put an ordinary file there"
    return None
