"""Rules on promotion: fenced or provably demoted first, and never under another name.

Each runbook proves its own promotions: a fence in a caller does not count for a promotion in the
runbook that it calls, because a person may also run that one alone. The planner looks again, at the
bound steps of all runbooks in their order (``plan.fencing``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drillbook.runbook.library import Unreadable
from drillbook.runbook.model import Check, Fence, Kind, Power, Run, SubRunbook, Verb, Wait
from drillbook.runbook.promotes import (
    promoting_words,
    promoting_words_in_check,
    promoting_words_in_playbook,
    words_that_switch_off,
)
from drillbook.runbook.rules.context import Context, Found, Loaded, checks, listed, playbooks, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from drillbook.runbook.model import Runbook, Step

PLANNED = frozenset({Kind.SWITCHOVER, Kind.FAILBACK})
"""Kinds in which a proved demotion is enough: the old primary is healthy and does what it is told."""

REVIVING = frozenset({Verb.START, Verb.JOIN, Verb.PROMOTE, Verb.RESTORE, Verb.ROLL_BACK, Verb.INSTALL})
"""Verbs after which a host that was proved off may act again."""


def find(loaded: Loaded, context: Context) -> Iterator[Found]:
    """Give what is wrong."""
    yield from _unproved(loaded.runbook, context)
    yield from _unlabelled(loaded.runbook, context)
    for path, _, run, _ in runs(loaded.runbook):
        words = words_that_switch_off(command_text(run))
        if words:
            yield Found(
                path, "power-off",
                f"'{words}' switches a host off outside of a fence, which would prove it; "
                "use the action fence",
            )  # fmt: skip
    for path, _, playbook, _ in playbooks(loaded.runbook):
        for file, text in _playbook_texts(context, playbook.file):
            words = words_that_switch_off(text)
            if words:
                yield Found(
                    path, "power-off",
                    f"'{words}' in {file} switches a host off outside of a fence, which would prove it",
                )  # fmt: skip


def command_text(run: Run) -> str:
    """Give all the words of a command, its values included, as one text to search in."""
    values: list[Any] = [*run.argv, run.script, *run.values, run.sql, *(run.variables or {}).values()]
    return " ".join(str(value) for value in values)


def proves_demotion(step: Step) -> bool:
    """Tell whether a step takes its own host out of service and has that verified on the same host."""
    return (
        step.verb in {Verb.DEMOTE, Verb.STOP}
        and not isinstance(step.action, SubRunbook)
        and any(call.on == step.on for call in step.verify)
    )


def _promotes(runbook: Runbook) -> bool:
    return any(step.verb is Verb.PROMOTE and not isinstance(step.action, SubRunbook) for step in runbook.steps)


def _unproved(runbook: Runbook, context: Context) -> Iterator[Found]:
    proved: dict[str, bool] = {}  # roles that cannot act, and whether they are fenced
    for index, step in enumerate(runbook.steps):
        if isinstance(step.action, SubRunbook):
            yield from _through(runbook, index, step.action.runbook, context)
            if any(_revives(context.loaded[id_].runbook) for id_ in _called(step.action, context)):
                proved.clear()
            continue
        if step.on is None:
            continue
        if step.verb is Verb.PROMOTE:
            yield from _promotion(runbook, index, step, proved)
        if isinstance(step.action, Fence):
            proved[step.on] = True
        elif isinstance(step.action, Power) or step.verb in REVIVING:
            proved.pop(step.on, None)
        elif proves_demotion(step):
            proved.setdefault(step.on, False)
        elif not isinstance(step.action, Check | Wait) and not proved.get(step.on, True):
            del proved[step.on]  # it was told to stop, and this acts on it again, whatever the verb says


def _called(action: SubRunbook, context: Context) -> set[str]:
    called = {action.runbook, *context.called_from(action.runbook)}
    return {id_ for id_ in called if id_ in context.loaded}


def _revives(runbook: Runbook) -> bool:
    return any(isinstance(step.action, Power) or step.verb in REVIVING for step in runbook.steps)


def _through(runbook: Runbook, index: int, called: str, context: Context) -> Iterator[Found]:
    """Find a failover that promotes by calling a switchover, which does not fence."""
    if runbook.kind in PLANNED:
        return
    for id_ in sorted(_called(SubRunbook(called, {}), context)):
        other = context.loaded[id_].runbook
        if other.kind in PLANNED and _promotes(other):
            yield Found(
                ("steps", index, "runbook"), "promotion-without-fencing",
                f"{id_} is a {other.kind}, which promotes without fencing; a {runbook.kind} calls only "
                "runbooks that fence first",
            )  # fmt: skip


def _promotion(runbook: Runbook, index: int, step: Step, proved: dict[str, bool]) -> Iterator[Found]:
    assert step.on is not None
    own = runbook.roles.get(step.on)
    others = [
        name
        for name, role in runbook.roles.items()
        if role.other_than == step.on or (own is not None and own.other_than == name)
    ]
    if not others:
        yield Found(
            ("steps", index), "promotion-without-fencing",
            f"it cannot be told which host must not act while '{step.on}' is promoted; "
            "bind one of the two roles by other_than",
        )  # fmt: skip
        return
    open_ = [name for name in others if name not in proved]
    only_demoted = [name for name in others if name in proved and not proved[name]]
    if open_:
        planned = runbook.kind in PLANNED
        wanted = "a fence, or a demote or stop step whose verify looks at that host," if planned else "a fence"
        yield Found(
            ("steps", index), "promotion-without-fencing",
            f"nothing proves, before this promotion, that {listed(open_)} cannot act; put {wanted} before it",
        )  # fmt: skip
    elif only_demoted and runbook.kind not in PLANNED:
        yield Found(
            ("steps", index), "promotion-without-fencing",
            f"{listed(only_demoted)} is only told to stop before this promotion; "
            f"in a {runbook.kind} it must be fenced",
        )  # fmt: skip


def _playbook_texts(context: Context, file: str) -> list[tuple[str, str]]:
    try:
        return sorted(context.library.playbook_texts(file).items())
    except Unreadable:
        return []  # another rule says so


def _unlabelled(runbook: Runbook, context: Context) -> Iterator[Found]:
    label = "a step that promotes has verb promote, so that it is fenced like one"
    for path, step, run, is_undo in runs(runbook):
        words = promoting_words(command_text(run))
        if words and is_undo:
            yield Found(
                path, "unlabelled-promotion",
                f"'{words}' promotes, and an undo never does; "
                "say irreversible and name the runbook that leads back",
            )  # fmt: skip
        elif words and step.verb is not Verb.PROMOTE:
            yield Found(path, "unlabelled-promotion", f"'{words}' promotes, and the verb is {step.verb}; {label}")
    for path, step, playbook, is_undo in playbooks(runbook):
        texts = [*_playbook_texts(context, playbook.file), ("its variables", str(dict(playbook.variables)))]
        for file, text in texts:
            words = promoting_words_in_playbook(text)
            if words and (is_undo or step.verb is not Verb.PROMOTE):
                yield Found(path, "unlabelled-promotion", f"'{words}' in {file} promotes; {label}")
    seen: set[str] = set()
    for path, _, call in checks(runbook):
        if call.file in seen:
            continue
        seen.add(call.file)
        try:
            constants = context.library.constants(call.file)
        except Unreadable:
            continue
        for constant in constants:
            words = promoting_words_in_check(constant)
            if words:
                yield Found(
                    (*path, "file"), "unlabelled-promotion",
                    f"'{words}' in {call.file} promotes, and a check only looks",
                )  # fmt: skip
                break
