"""Rules on independent calls: the parts of a runbook of which one may fail while the others are carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.runbook.model import SubRunbook
from drillbook.runbook.rules.context import Context, Found, Loaded
from drillbook.schema_words import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.runbook.model import Step

_RULE = "independent-parts"


def independent(step: Step) -> bool:
    """Tell whether a step is a call that stands by itself."""
    return isinstance(step.action, SubRunbook) and step.action.independent


def find(loaded: Loaded, context: Context) -> Iterator[Found]:
    """Give what is wrong."""
    steps = loaded.runbook.steps
    mixed = any(map(independent, steps))
    for name in ("assumptions", "slots"):
        if mixed and getattr(loaded.runbook, name):
            yield Found(
                (name,), _RULE,
                f"{name} beside independent calls: a part that begins in a resumed run would not ask them again; "
                "write them into the runbooks that need them",
            )  # fmt: skip
    for index, step in enumerate(steps):
        if mixed and not independent(step):
            yield Found(
                ("steps", index), _RULE,
                "other steps here are independent calls, and this is none: nobody could say whether it is carried out "
                "when one of them fails; make it an independent call too, or all of them ordinary ones",
            )  # fmt: skip
        if not isinstance(step.action, SubRunbook):
            continue
        before = [each.id for each in steps[:index]]
        for number, name in enumerate(step.action.after):
            if name not in before:
                yield Found(
                    ("steps", index, "runbook", "after", number), _RULE,
                    f"'{name}' is no step before this one; {nearest(name, before) if before else 'it is the first'}",
                )  # fmt: skip
        called = context.loaded.get(step.action.runbook)
        if called is not None and any(map(independent, called.runbook.steps)):
            yield Found(
                ("steps", index, "runbook", "id"), _RULE,
                f"{called.runbook.id} has independent calls, and is run by itself only; call what it calls",
            )  # fmt: skip
