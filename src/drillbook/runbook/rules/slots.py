"""Rules on slots: where a value may stand that is chosen when a run begins, and that each is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.runbook.rules.context import Context, Found, Loaded, Path
from drillbook.runbook.rules.references import templates
from drillbook.runbook.template import Reference, TemplateError, parse, references

if TYPE_CHECKING:
    from collections.abc import Iterator


def find(loaded: Loaded, context: Context) -> Iterator[Found]:  # noqa: ARG001 - every rule has this form
    """Give what is wrong."""
    runbook = loaded.runbook
    used: set[str] = set()
    for path, template in templates(runbook):
        try:
            named = [each for each in references(template) if each.path[0] == "slots"]
        except TemplateError:
            return  # another rule says so, and what is used cannot be told
        used.update(each.path[1] for each in named)
        if named and not _may_stand(path, template):
            yield Found(
                path, "slot-place",
                f"{named[0]} is chosen when the run begins: it stands alone, as an element of argv or values "
                "or as an argument of a check, and in by_hand; give it to this step so",
            )  # fmt: skip
    for name in runbook.slots:
        if name not in used:
            yield Found(
                ("slots", name), "slot-unused",
                f"the slot '{name}' is used nowhere, so it has no effect; use it or remove it",
            )  # fmt: skip


def _may_stand(path: Path, template: Any) -> bool:
    if path[0] == "slots":
        return False  # what chooses comes before what is chosen
    if "by_hand" in path:
        return True
    alone = isinstance(template, str) and len(parts := parse(template)) == 1 and isinstance(parts[0], Reference)
    return alone and path[-2] in ("argv", "values", "arguments")
