"""The lint of a sealed tree: nothing in it may fetch or compute at the time of the run what nobody has approved.

What is sealed and signed are files; a playbook could still ask a server, a program, the environment or a folder of
the machine that runs it what to do. Such things are refused, and so is what the lint cannot read. It keeps honest
authors from writing by accident what an approval cannot cover. What a ``shell`` command does on its host is beyond
it: a reviewer reads the commands.
"""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from drillbook.artifacts.lint_check import check_problems
from drillbook.artifacts.lint_playbook import yaml_problems
from drillbook.artifacts.lint_template import file_problems
from drillbook.errors import Finding
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from drillbook.artifacts.yaml_nodes import Found

_PLUGINS = frozenset({"library", "module_utils", "collections", "inventory", "inventories"})
_AS_YAML = frozenset({"tasks", "handlers", "vars", "defaults", "meta", "group_vars", "host_vars"})
_YAML = frozenset({".yml", ".yaml", ".json"})
_FOR_PEOPLE = frozenset({".md", ".rst", ".txt"})
_HARMLESS = frozenset({".ansible-lint", ".gitignore", ".gitkeep", ".yamllint", "LICENSE"})
_LEFT_OUT = "__pycache__"
_SHOWN = "playbooks"
_MAX_BYTES = 1024 * 1024


def lint(folder: Path) -> list[Finding]:
    """Give what the tree at ``folder`` (playbooks/, or a sealed copy of it) may not do, sorted by file and line.

    Findings name files as ``playbooks/…``. An empty list says that nothing was found, not that all is well.
    """
    names = sorted(_files(folder))
    roles = frozenset(
        path.parts[1]
        for name in names
        if len((path := PurePosixPath(name)).parts) > 2 and path.parts[0] == "roles"  # noqa: PLR2004
    )
    return sorted(
        Finding(f"{_SHOWN}/{visible(name)}", line, rule, message)
        for name in names
        for line, rule, message in _problems(folder, PurePosixPath(name), roles)
    )


def _files(folder: Path, prefix: str = "") -> Iterator[str]:
    with os.scandir(folder / prefix) as listed:
        entries = list(listed)
    for entry in entries:
        if entry.name == _LEFT_OUT:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(folder, f"{prefix}{entry.name}/")
        else:
            yield f"{prefix}{entry.name}"


def _problems(folder: Path, path: PurePosixPath, roles: frozenset[str]) -> Iterator[Found]:
    place = _place_problem(path)
    if place is not None:
        yield 1, "lint-place", place
        return
    full = folder / path
    if full.is_symlink():
        if full.is_dir():
            yield 1, "lint-place", "is a link to a folder, which gives files a second place; name the files there"
        return  # a link to a file of the tree, which is looked at where it is
    if "files" in path.parts[:-1] and path.suffix != ".j2":
        return  # copied to a host as it is
    if full.stat().st_mode & 0o100:
        yield 1, "lint-place", "can be executed, as inventories and plugins can; put it into a folder 'files'"
    if full.stat().st_size > _MAX_BYTES:
        yield 1, "lint-place", f"has over {_MAX_BYTES:,} bytes, more than anyone reads; make it smaller"
        return
    try:
        text = full.read_bytes().decode()
    except (UnicodeDecodeError, OSError):
        yield 1, "lint-place", "cannot be read as UTF-8; put what is copied as it is into a folder 'files'"
        return
    yield from _content(path, text, roles)


def _place_problem(path: PurePosixPath) -> str | None:
    for part in path.parts:
        if part in _PLUGINS or part.endswith("_plugins"):
            return f"'{visible(part, limit=40)}' is where Ansible looks for plugins or inventories; none may be there"
    if path.name in ("ansible.cfg", ".ansible.cfg"):
        return "changes how Ansible works; the engine gives it its configuration"
    return None


def _content(path: PurePosixPath, text: str, roles: frozenset[str]) -> Iterator[Found]:
    if path.suffix == ".j2" or "templates" in path.parts[:-1]:
        for line, message in file_problems(text):
            yield line, "lint-template", f"the template {message}"
    elif path.parts[0] == "checks" and path.suffix == ".py":
        for line, message in check_problems(text):
            yield line, "lint-check", f"the check {message}"
    elif path.suffix in _YAML or _AS_YAML.intersection(path.parts[:-1]):
        yield from yaml_problems(text, roles)
    elif path.suffix not in _FOR_PEOPLE and path.name not in _HARMLESS:
        yield 1, "lint-place", "is none of playbook, template and check; put what is copied into a folder 'files'"
