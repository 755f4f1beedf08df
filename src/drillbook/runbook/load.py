"""Runbooks from their files: read, held against the schema, then against the rules."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drillbook.errors import Finding, InvalidInput, UsageError
from drillbook.runbook.build import runbook_from
from drillbook.runbook.library import Library
from drillbook.runbook.model import SubRunbook
from drillbook.runbook.rules import findings_of as rule_findings
from drillbook.runbook.rules.context import Context, Loaded
from drillbook.schema import findings_of, hostile_findings, read_schema
from drillbook.schema_words import nearest
from drillbook.source import Map, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.runbook.model import Runbook

FOLDER = "runbooks"
MULTILINE = frozenset({"script", "sql"})
"""Keys whose texts may have several lines."""


@cache
def schema() -> dict[str, Any]:
    """Give the JSON Schema of a runbook; it must not be changed."""
    return read_schema(Path(__file__).with_name("schema.json"))


def runbook_files(root: Path) -> dict[str, Path]:
    """Give the files of an estate's runbooks by the id that their names say, sorted by id."""
    return {path.stem: path for path in sorted((root / FOLDER).glob("*.yaml"))}


def load_all(root: Path) -> dict[str, Runbook]:
    """Load every runbook of the estate at ``root``, by id, sorted by id.

    Raises InvalidInput with the findings of all files.
    """
    return _load(root, list(runbook_files(root)))


def load_sound(root: Path) -> tuple[dict[str, Runbook], dict[str, tuple[Finding, ...]]]:
    """Load every runbook that is right and calls only such; one that is wrong is in nobody's way but its own.

    Gives these by id, and by id the findings of each other one: its own, or those of what it calls.
    """
    loaded, findings = _examine(root, list(runbook_files(root)))
    wrong: dict[str, tuple[Finding, ...]] = {}
    for id_ in runbook_files(root):
        files = {f"{FOLDER}/{each}.yaml" for each in _with_called(id_, loaded)}
        if found := tuple(each for each in sorted(findings) if each.file in files):
            wrong[id_] = found
    return {id_: one.runbook for id_, one in loaded.items() if id_ not in wrong}, wrong


def _with_called(id_: str, loaded: Mapping[str, Loaded]) -> set[str]:
    """Give a runbook's id and those of all that it calls, as far as they could be read."""
    waiting, seen = [id_], {id_}
    while waiting:
        one = loaded.get(waiting.pop())
        steps = one.runbook.steps if one is not None else ()
        called = {each.action.runbook for each in steps if isinstance(each.action, SubRunbook)} - seen
        seen |= called
        waiting += called
    return seen


def load_called(root: Path, id_: str) -> dict[str, Runbook]:
    """Load a runbook by id and all that it calls, so that another's mistake is not in the way.

    Raises UsageError for an id that has no file, and InvalidInput with its findings and with those of what it calls.
    """
    known = runbook_files(root)
    if id_ not in known:
        near = nearest(id_, list(known)) if known else f"there are none in {root / FOLDER}"
        raise UsageError(f"there is no runbook '{id_[:80]}'", remedy=near)
    return _load(root, [id_])


def _load(root: Path, wanted: list[str]) -> dict[str, Runbook]:
    """Load the wanted runbooks and those that they call. Raises InvalidInput with all findings."""
    loaded, findings = _examine(root, wanted)
    if findings:
        raise InvalidInput(findings)
    return {id_: one.runbook for id_, one in loaded.items()}


def _examine(root: Path, wanted: list[str]) -> tuple[dict[str, Loaded], list[Finding]]:
    """Read the wanted runbooks and those that they call; give those that have the schema's shape, and all findings."""
    known = runbook_files(root)
    findings: list[Finding] = []
    loaded: dict[str, Loaded] = {}
    waiting, seen = list(wanted), set(wanted)
    while waiting:
        id_ = waiting.pop()
        path = known.get(id_, root / FOLDER / f"{id_}.yaml")
        one, problems = _read(path, f"{FOLDER}/{path.name}")
        findings += problems
        if one is None:
            continue
        loaded[id_] = one
        for step in one.runbook.steps:
            called = step.action.runbook if isinstance(step.action, SubRunbook) else None
            if called in known and called not in seen:
                seen.add(called)
                waiting.append(called)
    context = Context(loaded=dict(sorted(loaded.items())), ids=frozenset(known), library=Library(root / "playbooks"))
    for one in context.loaded.values():
        findings += rule_findings(one, context)
    return dict(context.loaded), findings


def _read(path: Path, name: str) -> tuple[Loaded | None, list[Finding]]:
    """Read one file; no runbook when it does not have the schema's shape."""
    try:
        document = read_yaml(path, shown_as=name)
    except InvalidInput as error:
        return None, list(error.findings)
    findings = hostile_findings(document, name, multiline=MULTILINE)
    shape = findings_of(schema(), document, name)
    findings += shape
    if shape:
        return None, findings
    if document["runbook"] != path.stem:
        findings.append(_misnamed(document, path, name))
    return Loaded(runbook_from(document, name), document), findings


def _misnamed(document: Map, path: Path, name: str) -> Finding:
    return Finding(
        name, document.line_of("runbook"), "file-name",
        f"the runbook is called '{document['runbook']}' and its file '{path.name}'; call both the same",
    )  # fmt: skip
