"""Writes a new estate: whole, or not at all."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from drillbook.cmdb import inventory
from drillbook.cmdb.includes import TOP
from drillbook.cmdb.load import check, load
from drillbook.drill.load import list_drills
from drillbook.drill.rules import check_drill
from drillbook.errors import InvalidInput, Refused, UsageError
from drillbook.estate.content import content, schemas
from drillbook.estate.render import render
from drillbook.runbook.load import load_all
from drillbook.text import visible

if TYPE_CHECKING:
    from drillbook.errors import Finding
    from drillbook.estate.choice import Choice

# Template and where it goes; in a path, {pair} is the pair's id, which is a safe name of a file.
_TEMPLATES = {
    "cmdb.yaml.j2": "cmdb.yaml",
    "cmdb.d/sites.yaml.j2": "cmdb.d/sites.yaml",
    "cmdb.d/hosts.yaml.j2": "cmdb.d/hosts.yaml",
    "cmdb.d/services.yaml.j2": "cmdb.d/services.yaml",
    "cmdb.d/people.yaml.j2": "cmdb.d/people.yaml",
    "cmdb.d/policies.yaml.j2": "cmdb.d/policies.yaml",
    "drills/failover.yaml.j2": "drills/{pair}-failover.yaml",
    "drills/switchover.yaml.j2": "drills/{pair}-switchover.yaml",
    "README.md.j2": "README.md",
    "requirements.txt.j2": "requirements.txt",
    "tasks.py.j2": "tasks.py",
    "inv.j2": "inv",
    "gitignore.j2": ".gitignore",
}
_LAUNCHER = "inv"
ENVIRONMENT_NOTE = ".drillbook/environment"


def new_estate(folder: Path, choice: Choice) -> Path:
    """Write a new estate into a folder that is absent or empty, and give its absolute path.

    Everything is written under a temporary name beside it, checked as ``cmdb.check`` and ``drills.list`` would,
    and renamed.

    Raises UsageError (the folder is in use, or what was chosen makes no sound estate), Refused (it would lie in
    another estate), UsageError too when it cannot be written.
    """
    if folder.name.startswith("-"):
        raise UsageError(
            f"a folder named {_shown(folder)} reads as an option in every command",
            remedy="choose another name; drillbook --help estate.new explains the command",
        )
    try:
        target = _target(folder)
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        raise _cannot(folder, error) from None
    part = ""
    try:
        part = tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent)
        root = Path(part)
        _write(root, choice)
        _require_sound(root, choice)
        root.chmod(0o755)
        root.rename(target)
    except OSError as error:
        raise _cannot(target, error) from None
    finally:
        if part:
            shutil.rmtree(part, ignore_errors=True)
    return target


def write_schemas(root: Path) -> list[str]:
    """Write the schemas of the installed engine into an estate, for editors; give the paths of those that changed.

    Raises UsageError when one cannot be written.
    """
    changed = []
    for name, data in schemas().items():
        path = root / name
        try:
            if not path.is_file() or path.read_bytes() != data:
                _put(path, data)
                changed.append(name)
        except OSError as error:
            raise UsageError(
                f"{_shown(path)} cannot be written: {error.strerror}", remedy="run it as the owner of the estate"
            ) from None
    return changed


def _target(folder: Path) -> Path:
    target = folder.resolve()
    if target == Path.cwd():
        raise UsageError(
            "the estate cannot be written into the folder that you are in",
            remedy=f"go one up and name it: cd .. && drillbook estate.new {_shown(Path(shlex.quote(target.name)))}",
        )
    for above in (target, *target.parents):
        if (above / TOP).is_file():
            raise Refused(
                f"{_shown(above)} is an estate already, and nothing of it is overwritten; "
                "nor does one estate lie in another",
                remedy="name a folder outside it that is empty or absent",
            )
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {_shown(target.parent)}", remedy="make it first, with mkdir -p")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(
            f"{_shown(target)} is not an empty folder, and nothing is overwritten",
            remedy="name a folder that is empty or absent",
        )
    return target


def _write(root: Path, choice: Choice) -> None:
    values = choice.values()
    files = {
        **content(),
        **schemas(),
        **{where.format(pair=choice.pair): render(template, values).encode() for template, where in _TEMPLATES.items()},
    }
    for name, data in files.items():
        _put(root / name, data)
    (root / _LAUNCHER).chmod(0o755)
    # Which environment wrote it, so that ./inv works at once; only on this machine, so not for git.
    (root / ENVIRONMENT_NOTE).parent.mkdir(mode=0o700)
    _put(root / ENVIRONMENT_NOTE, f"{Path(sys.executable).parent}\n".encode())


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _require_sound(root: Path, choice: Choice) -> None:
    """Hold the estate against the engine's own rules; what a person chose may collide with what is there."""
    try:
        cmdb = load(root)
        for environment in cmdb.environments.ids():
            inventory.write(cmdb, environment, root)
        runbooks = load_all(root)
        found: list[Finding] = [*check(root)]
        for drill in list_drills(root):
            found += check_drill(drill, cmdb, runbooks)
    except InvalidInput as error:
        found = list(error.findings)
    if found:
        raise UsageError(
            f"no sound estate comes of --pair {choice.pair} and --subnet {choice.subnet}: {found[0].message}",
            remedy="choose another id or network",
        )


def _cannot(folder: Path, error: OSError | RuntimeError) -> UsageError:
    reason = error.strerror if isinstance(error, OSError) else error
    return UsageError(
        f"{_shown(folder)} cannot be written: {reason}",
        remedy="name a folder that is empty or absent, where you may write and there is room",
    )


def _shown(path: Path) -> str:
    return visible(str(path))
