"""The proof that a plan never lets two primaries act, looked for in the bound steps themselves.

The runbook's rules have looked already, by role and file by file. This looks again with none of
their code: at items, over the steps of all runbooks in their order, and at the words of every bound
command, so that neither an alias, nor a value, nor a call hides a promotion.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drillbook.errors import Refused
from drillbook.plan.model import (
    CheckRun,
    Command,
    FenceRun,
    ManualStep,
    PlannedStep,
    PlaybookRun,
    PowerRun,
    WaitRun,
)
from drillbook.runbook.model import Kind, Verb
from drillbook.runbook.promotes import promoting_words, words_that_switch_off

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from drillbook.cmdb.model import Cmdb
    from drillbook.plan.model import Target

_PLANNED = {Kind.SWITCHOVER, Kind.FAILBACK}
_MAY_ACT_AGAIN = {Verb.START, Verb.JOIN, Verb.PROMOTE, Verb.RESTORE, Verb.ROLL_BACK, Verb.INSTALL}
_TOLD_TO_STOP = {Verb.DEMOTE, Verb.STOP}
_REMEDY = "correct the runbook; nothing is promoted while the old primary may still act"


@dataclass(frozen=True, slots=True)
class Bound:
    """A planned step with what its runbook was: the kinds of all runbooks around it, its protection."""

    step: PlannedStep
    kinds: tuple[Kind, ...]
    protection: str | None


def require_proof(cmdb: Cmdb, steps: Sequence[Bound], targets: Mapping[str, Target]) -> None:
    """Refuse a plan that promotes an item before the others that share its data are proved off.

    Args:
        cmdb: the estate, for the members of protections.
        steps: all steps in their order.
        targets: the plan's targets, for their power control.

    Raises:
        Refused: with the step, the item that may still act, and what would prove it.
    """
    off: dict[str, bool] = {}  # items that cannot act, and whether they are fenced
    for bound in steps:
        step = bound.step
        require_labels(step)
        if isinstance(step.action, FenceRun):
            _strong(cmdb, bound, step.action, targets)
            off[step.action.item] = True
            continue
        if step.item is None or isinstance(step.action, CheckRun | WaitRun):
            if step.verb is Verb.PROMOTE and isinstance(step.action, ManualStep):
                raise Refused(f"step {step.id} promotes, and does not say on which host", remedy=_REMEDY)
            continue
        if step.verb is Verb.PROMOTE:
            _proved(cmdb, bound, off)
        if isinstance(step.action, PowerRun) or step.verb in _MAY_ACT_AGAIN:
            off.pop(step.item, None)
        elif step.verb in _TOLD_TO_STOP and any(check.item == step.item for check in step.verify):
            off.setdefault(step.item, False)
        elif not off.get(step.item, True):
            del off[step.item]  # it was told to stop, and this acts on it again, whatever the verb says


def _proved(cmdb: Cmdb, bound: Bound, off: Mapping[str, bool]) -> None:
    step = bound.step
    assert step.item is not None
    others = _others(cmdb, step.item, bound.protection)
    if others is None:
        raise Refused(
            f"step {step.id} promotes {step.item}, which is in no protection: "
            "it cannot be told which host must not act",
            remedy="name the protection in the runbook, and the item among its members",
        )
    planned = all(kind in _PLANNED for kind in bound.kinds)
    for other in others:
        if other not in off:
            wanted = "fenced, or demoted with a verify on it," if planned else "fenced"
            raise Refused(
                f"step {step.id} promotes {step.item} while nothing proves that {other} cannot act; "
                f"it must be {wanted} before",
                remedy=_REMEDY,
            )
        if not off[other] and not planned:
            raise Refused(
                f"step {step.id} promotes {step.item} while {other} is only told to stop; "
                "when the promotion is not a planned switch, it must be fenced",
                remedy=_REMEDY,
            )


def _others(cmdb: Cmdb, item: str, protection: str | None) -> list[str] | None:
    """Give the items that must not act while one is promoted; None when it is in no protection.

    All hot standby pairs count that it belongs to, whichever the runbook was given, so that another
    protection as parameter does not change who is fenced.
    """
    found = False
    others: set[str] = set()
    for entry in cmdb.protections:
        members = set(entry.get("members", {}).values())
        if item in members and (entry.id == protection or entry.get("kind") == "hot_standby"):
            found = True
            others |= members - {item}
    return sorted(others) if found else None


def _strong(cmdb: Cmdb, bound: Bound, fence: FenceRun, targets: Mapping[str, Target]) -> None:
    """Refuse a fence that could prove nothing."""
    step = bound.step
    if targets[fence.item].power.kind == "none":
        raise Refused(
            f"step {step.id} fences {fence.item}, which has no power control in this environment",
            remedy=f"add it in config_items.{fence.item}.power",
        )
    if not fence.witnesses or fence.item in fence.witnesses:
        raise Refused(f"step {step.id} fences {fence.item} without a witness that is another host", remedy=_REMEDY)
    for entry in cmdb.protections:
        if fence.item not in entry.get("members", {}).values() or entry.get("kind") != "hot_standby":
            continue
        port = entry.get("settings", {}).get("port")
        if port is not None and str(port) not in {str(each) for each in fence.ports}:
            raise Refused(
                f"step {step.id} fences {fence.item} and does not look at port {port}, where it serves {entry.id}",
                remedy="add the port to the fence's silent_ports",
            )


def require_labels(step: PlannedStep) -> None:
    """Raise Refused for a step that promotes or switches off under another name, or as an undo."""
    for action, is_undo in ((step.action, False), (step.undo.action, True)):
        said = _said(action)
        words = promoting_words(said)
        if words and (is_undo or step.verb is not Verb.PROMOTE):
            place = "the undo of step" if is_undo else "step"
            raise Refused(
                f"{place} {step.id} says '{words}', which promotes, and is not a step with verb promote",
                remedy=_REMEDY,
            )
        words = words_that_switch_off(said)
        if words:
            raise Refused(
                f"step {step.id} says '{words}', which switches a host off outside of a fence", remedy=_REMEDY
            )


def _said(action: Any) -> str:
    match action:
        case Command():
            return " ".join((*(each for each in action.argv if isinstance(each, str)), action.stdin))
        case PlaybookRun():
            return " ".join((action.file, *_texts(action.variables)))
        case _:
            return ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [str(value)]
