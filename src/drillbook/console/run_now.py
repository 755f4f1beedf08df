"""What a half-done run means for services, in sentences, from its plan and from where it stands. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drillbook.execution.parts import done_parts
from drillbook.execution.state import Stage
from drillbook.plan.parts import together
from drillbook.runbook.model import Kind, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from drillbook.execution.state import RunState
    from drillbook.plan.model import Plan, PlannedStep


def so_now(plan: Plan, state: RunState) -> list[str]:
    """Say what is so now; of a plan with independent parts for each that is not done."""
    lines = []
    for part, steps in together(plan, plan.steps):
        said = list(_means(plan, state, steps, part.services if part else plan.services))
        if part is None:
            lines += said
        elif any(state.step(step.id).stage is not Stage.DONE for step in steps):
            lines += [f"{part.id}: {line}" for line in said]
    if state.tokens and state.closed is None:
        lines.append(f"This run keeps its lock on {', '.join(sorted(state.tokens))}.")
    return lines


def how_it_stands(plan: Plan, state: RunState) -> list[str]:
    """Say how a run stands, one line for the whole and one for each independent part that was tried and is not done."""
    if state.closed:
        lines = [state.closed]
    else:
        lines = [f"stopped: {state.stopped}" if state.stopped else "open (running, or its process died)"]
    done = done_parts(plan, state)
    if state.left:
        lines.append(f"done: {', '.join(done) or 'no part'}")
    return lines + [f"not done: {part}: {why}" for part, why in state.left.items() if part not in done]


def _means(plan: Plan, state: RunState, steps: Sequence[PlannedStep], services: Sequence[str]) -> Iterator[str]:
    done = [step for step in steps if state.step(step.id).stage is Stage.DONE]
    fenced = [step.item for step in done if step.verb is Verb.FENCE]
    demoted = [step.item for step in done if step.verb is Verb.DEMOTE]
    promoted = [step.item for step in done if step.verb is Verb.PROMOTE]
    if fenced:
        yield f"{', '.join(filter(None, fenced))} is switched off."
    maybe = [
        step.item for step in steps if step.verb is Verb.PROMOTE and state.step(step.id).touched and step not in done
    ]
    if maybe:
        yield f"{', '.join(filter(None, maybe))} may be primary already: do not start the old one by hand."
    elif (fenced or demoted) and not promoted and not state.rolling_back:
        yield f"Nobody is primary: {', '.join(services)} is down until the run goes on."
    if plan.kind in (Kind.FAILOVER, Kind.PROMOTION) and not fenced and not promoted and not maybe:
        yield "Nothing was promoted."
