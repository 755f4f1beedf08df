"""How real a drill was: its kind by NIST SP 800-34, and each step of each plan: real, stubbed or skipped. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from drillbook.execution.state import Stage
from drillbook.plan.model import FenceRun, PowerRun
from drillbook.runbook.model import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from drillbook.execution.state import RunState
    from drillbook.plan.model import Plan, PlannedStep


@dataclass(frozen=True, slots=True)
class KindWords:
    """A kind of exercise: its name, what it means, and what it does not prove."""

    label: Text
    means: Text
    limits: Text


KINDS: Mapping[str, KindWords] = {
    "tabletop": KindWords(
        Text("Tabletop exercise", "桌面推演"),
        Text(
            "People talk the plan through; no system is touched.",
            "有关人员围绕预案逐步讨论，不操作任何系统。",
        ),
        Text(
            "It does not prove that any command works, nor how long it takes.",
            "不能证明任何命令有效，也不能证明所需时间。",
        ),
    ),
    "functional": KindWords(
        Text("Functional exercise", "功能演练"),
        Text(
            "The recovery is carried out for real, in an environment that simulates production.",
            "在模拟生产的环境中真实执行恢复操作。",
        ),
        Text(
            "It does not prove that production's own equipment, networks, volumes and people do the same.",
            "不能证明生产环境的设备、网络、数据量和人员有同样表现。",
        ),
    ),
    "full-scale": KindWords(
        Text("Full-scale exercise", "全面演练"),
        Text(
            "All elements of the plan are carried out, up to working from where the service is recovered.",
            "执行预案的全部环节，直至业务在恢复后的系统上运行。",
        ),
        Text(
            "It does not prove what happens under another failure than the one rehearsed.",
            "不能证明发生其他类型故障时的表现。",
        ),
    ),
}
"""By the kind of a drill. After NIST SP 800-34 Rev. 1, section 3.5 (testing, training and exercises)."""

POWER_NAMES: Mapping[str, Text] = {
    "lab": Text("the lab's power control", "演练环境的电源控制"),
    "redfish": Text("Redfish", "Redfish"),
    "ipmi": Text("IPMI", "IPMI"),
    "none": Text("no power control", "无电源控制"),
}


class How(StrEnum):
    """REAL: the very action that production would get. STUBBED: something stood in. SKIPPED: it was not done."""

    REAL = "real"
    STUBBED = "stubbed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StepFidelity:
    """How real one step of a run's plan was; ``why`` says what stood in for what, or why it was not done."""

    run: str
    step: str
    title: Text
    item: str | None
    how: How
    why: Text | None

    def to_json(self) -> dict[str, Any]:
        """Give it as a JSON value."""
        return {
            "run": self.run,
            "step": self.step,
            "title": {"en": self.title.en, "zh": self.title.zh},
            "item": self.item,
            "how": str(self.how),
            "why": None if self.why is None else {"en": self.why.en, "zh": self.why.zh},
        }


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What was real, what stood in for something else, what was left out; and the same step by step."""

    real: tuple[Text, ...]
    stubbed: tuple[Text, ...]
    skipped: tuple[Text, ...]
    steps: tuple[StepFidelity, ...]


def step_fidelity(
    run: str, plan: Plan, state: RunState, *, production: Mapping[str, str | None]
) -> tuple[StepFidelity, ...]:
    """Tell of each step of a plan how real it was.

    Args:
        run: the run's id.
        plan: its plan.
        state: how far it came.
        production: by item, the kind of power control that it has in production; None: not known.

    Returns:
        An entry for each step, in the order of the plan.
    """
    last = next((step for step in reversed(plan.steps) if state.step(step.id).stage is not Stage.PENDING), None)
    found = []
    for step in plan.steps:
        reached = state.step(step.id).stage is not Stage.PENDING
        why = _stand_in(step, plan, production) if reached else _not_reached(last)
        how = How.SKIPPED if not reached else How.REAL if why is None else How.STUBBED
        found.append(StepFidelity(run, step.id, step.title, step.item, how, why))
    return tuple(found)


def _not_reached(last: PlannedStep | None) -> Text:
    if last is None:
        return Text("not reached: the run ended before its first step", "未执行：在第一步之前已结束")
    return Text(f"not reached: the run ended at step {last.id}", f"未执行：止于步骤 {last.id}")


def _stand_in(step: PlannedStep, plan: Plan, production: Mapping[str, str | None]) -> Text | None:
    if not isinstance(step.action, FenceRun | PowerRun):
        return None
    item = step.action.item
    here, there = plan.targets[item].power.kind, production.get(item)
    if here == there:
        return None
    stood = POWER_NAMES[here]
    if there is None:
        return Text(
            f"{stood.en} was used; which one {item} has in production is not on record",
            f"使用了{stood.zh}；{item} 在生产环境的电源控制未登记",
        )
    for_ = POWER_NAMES[there]
    return Text(
        f"{stood.en} stood in for {for_.en}, which {item} has in production",
        f"以{stood.zh}代替 {item} 在生产环境的 {for_.zh}",
    )
