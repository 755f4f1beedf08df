"""A plan as a page for people: what, where, on which hosts, and every command exactly as it will be sent."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

from drillbook.plan.model import (
    CheckRun,
    Command,
    FenceRun,
    ManualStep,
    PlaybookRun,
    PowerRun,
    SlotUse,
    WaitRun,
)
from drillbook.plan.parts import together
from drillbook.plan.typed import slot_mark
from drillbook.runbook.page import Line, as_markdown, as_text
from drillbook.runbook.render import arguments_text, hand_line
from drillbook.runbook.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from drillbook.plan.model import Plan, PlannedStep

_SCRIPT = ("/bin/sh", "-eu", "-c")


def plan_text(plan: Plan, language: str = "en") -> str:
    """Give the plan as plain text; the same plan gives the same text.

    Args:
        plan: the plan.
        language: ``en`` or ``zh``.

    Raises:
        UsageError: another language.
    """
    return as_text(plan_page(plan, language))


def plan_markdown(plan: Plan, language: str = "en") -> str:
    """Give the plan as Markdown, for a review. Arguments and errors as ``plan_text``."""
    return as_markdown(plan_page(plan, language))


def plan_page(plan: Plan, language: str = "en") -> list[Line]:
    """Lay a plan out. Arguments and errors as ``plan_text``."""
    return list(_Page(plan, Words(language)).lines())


def by_hand_page(plan: Plan, language: str = "en") -> list[Line]:
    """Lay out only what a person types, with every name filled in. Arguments and errors as ``plan_text``."""
    return list(_Page(plan, Words(language)).only_by_hand())


class _Page:
    def __init__(self, plan: Plan, words: Words) -> None:
        self.plan = plan
        self.words = words

    def lines(self) -> Iterator[Line]:
        plan, words = self.plan, self.words
        yield Line("title", f"{words('plan')}{plan.runbook}  {words.text(plan.title)}")
        for label, text in (
            (words("kind"), words.kind(plan.kind)),
            (words("environment"), plan.environment),
            (words("protection"), plan.protection or ""),
            (words("interrupts"), ", ".join(plan.services) or words("not_interrupt")),
            (words("digest"), plan.digest),
        ):
            if text:
                yield Line("field", text, label)
        yield Line("heading", words("hosts"))
        yield from self.hosts()
        if plan.parameters:
            yield Line("heading", words("parameters"))
            yield from (Line("field", value, name, 1) for name, value in plan.parameters.items())
        if plan.assumptions:
            yield Line("heading", words("assumptions"))
        for assumption in plan.assumptions:
            yield Line("field", words.text(assumption.text), "•", indent=1)
            yield Line("note", self.check(assumption.check), indent=2)
        if plan.slots:
            yield Line("heading", words("slots"))
        for slot in plan.slots:
            yield Line("field", words.text(slot.text), slot.name, 1)
            yield Line("note", words("chosen_by", check=self.check(slot.check)), indent=2)
        yield from self.parts()
        yield from self.steps(self.step)
        yield Line("heading", words("sealed"))
        yield Line("field", plan.artifacts_digest, "playbooks/", 1)
        yield Line("field", plan.runbook_digest, plan.runbook, 1)
        yield Line("field", plan.engine, words("version"), 1)

    def parts(self) -> Iterator[Line]:
        plan, words = self.plan, self.words
        if plan.parts:
            yield Line("heading", words("parts"))
        for part in plan.parts:
            about = [words.text(part.title), part.runbook]
            if part.after:
                about.append(words("part_after", parts=", ".join(part.after)))
            yield Line("field", words.listed(about), part.id, 1)

    def steps(self, show: Callable[[int, PlannedStep], Iterator[Line]]) -> Iterator[Line]:
        number = 0
        for part, steps in together(self.plan, self.plan.steps):
            yield Line("heading", self.words("part_steps", part=part.id) if part else self.words("steps"))
            for step in steps:
                number += 1
                yield from show(number, step)

    def hosts(self) -> Iterator[Line]:
        words = self.words
        roles = {item: role for role, item in self.plan.roles.items()}
        for item, target in self.plan.targets.items():
            address = f"[{target.address}]" if ":" in target.address else target.address
            about = [roles.get(item, ""), f"{target.ssh_user}@{address}:{target.ssh_port}"]
            if item in self.plan.locks:
                about.append(words("locked"))
            elif item not in self.plan.reachable:
                about.append(words("no_login"))
            yield Line("field", words.listed(about), item, 1)

    def step(self, number: int, step: PlannedStep) -> Iterator[Line]:
        words = self.words
        yield Line("step", words.text(step.title), f"{number}. {step.id}")
        about = [words.verb(step.verb)]
        if step.item:
            about.append(words("on", item=step.item))
        if isinstance(step.action, Command):
            about.append(words("as_user", user=step.action.user))
        about.append(words("at_most", time=words.duration(step.timeout)))
        yield Line("note", words.listed(about), indent=1)
        yield from self.action(step)
        for check in step.verify:
            yield Line("field", self.check(check), words("verify"), 1)
        if not isinstance(step.action, CheckRun | WaitRun):  # these only look
            yield from self.undo(step)
            yield Line("field", words.repeat(step.repeat), words("repeat"), 1)
        if step.by_hand:
            yield Line("field", "", words("by_hand"), 1)
        yield from self.hands(step, 2)

    def hands(self, step: PlannedStep, indent: int) -> Iterator[Line]:
        for hand in step.by_hand:
            prompt = f"{hand.item}$" if hand.item else ""
            line = hand_line(hand.do, prompt, indent, self.words)
            yield replace(line, text=self.typed(line.text))
            yield Line("field", self.words.text(hand.see), "→", indent + 1)

    def only_by_hand(self) -> Iterator[Line]:
        plan, words = self.plan, self.words
        yield Line("title", f"{plan.runbook}  {words.text(plan.title)}")
        yield Line("heading", words("hosts"))
        yield from self.hosts()
        if plan.slots:
            yield Line("heading", words("slots"))
        yield from (Line("field", words.text(slot.text), slot.name, 1) for slot in plan.slots)
        yield from self.parts()
        yield from self.steps(self.typed_step)

    def typed_step(self, number: int, step: PlannedStep) -> Iterator[Line]:
        yield Line("step", self.words.text(step.title), f"{number}. {step.id}")
        yield from self.hands(step, 1)

    def undo(self, step: PlannedStep) -> Iterator[Line]:
        words, undo = self.words, step.undo
        if undo.irreversible is not None:
            yield Line("field", words("irreversible", why=words.text(undo.irreversible)), words("undo"), 1)
        elif undo.action is None:
            yield Line("field", words("nothing"), words("undo"), 1)
        else:
            about = [words("on", item=step.item or "")]
            if isinstance(undo.action, Command):
                about.append(words("as_user", user=undo.action.user))
            yield Line("field", words.listed(about), words("undo"), 1)
            yield from self.command(undo.action, indent=2)

    def action(self, step: PlannedStep) -> Iterator[Line]:
        words = self.words
        match step.action:
            case Command() | PlaybookRun() as action:
                yield from self.command(action, indent=1)
            case CheckRun() as check:
                yield Line("field", self.check(check), words("check"), 1)
            case WaitRun(check=check, interval=interval):
                yield Line("field", self.check(check), words("check"), 1)
                yield Line("note", words("interval", time=words.duration(interval)), indent=1)
            case ManualStep(instruction=instruction):
                yield Line("field", words.text(instruction), words("confirm"), 1)
            case FenceRun(item=item, witnesses=witnesses, ports=ports):
                shown = ", ".join(str(port) for port in ports)
                yield Line("note", words("fence", item=item, ports=shown, witnesses=", ".join(witnesses)), indent=1)
            case PowerRun(item=item, state=state):
                yield Line("note", words("power_on" if state == "on" else "power_cycle", item=item), indent=1)

    def command(self, action: Command | PlaybookRun, *, indent: int) -> Iterator[Line]:
        if isinstance(action, PlaybookRun):
            yield Line("field", action.file, self.words("playbook"), indent)
            yield from (Line("field", str(value), name, indent + 1) for name, value in action.variables.items())
            return
        argv = [self.slot(each.slot) if isinstance(each, SlotUse) else shlex.quote(each) for each in action.argv]
        block = action.stdin
        if action.argv[:3] == _SCRIPT and isinstance(action.argv[3], str):
            block = action.argv[3]
            line = f"{' '.join(argv[:3])} '…' {' '.join(argv[4:])}"
        else:
            line = " ".join(argv) + (" <<…" if block else "")
        yield Line("code", line, "$", indent)
        if block:
            yield Line("code", block, "|", indent + 1)

    def slot(self, name: str) -> str:
        """Give what stands in place of a value that is chosen when the run begins."""
        said = next((self.words.text(slot.text) for slot in self.plan.slots if slot.name == name), "")
        return f"‹{name}: {said}›"

    def typed(self, text: str) -> str:
        for slot in self.plan.slots:
            text = text.replace(slot_mark(slot.name), self.slot(slot.name))
        return text

    def check(self, check: CheckRun) -> str:
        chosen = {name: self.slot(slot) for name, slot in check.slots.items()}
        arguments = arguments_text({**check.arguments, **chosen})
        return f"{self.words('on', item=check.item)}: {check.function}({arguments}) — {check.file}"
