"""A runbook as a page for people: when to use it, what it does, and what to type without the engine."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from drillbook.runbook.model import Check, Fence, Manual, Playbook, Power, Run, Text, Wait
from drillbook.runbook.page import Line
from drillbook.runbook.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from drillbook.runbook.model import CheckCall, Runbook, Step

_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_@%+=:,./{}-]+")


def runbook_page(runbook: Runbook, language: str = "en") -> list[Line]:
    """Lay a runbook out, with its references as they stand in the file.

    Args:
        runbook: the runbook.
        language: ``en`` or ``zh``.

    Raises:
        UsageError: another language.
    """
    return list(_Page(runbook, Words(language)).lines())


def quoted(argument: str) -> str:
    """Quote one argument for a shell, when it needs that; the braces of references do not."""
    return argument if _NEEDS_NO_QUOTES.fullmatch(argument) else shlex.quote(argument)


def arguments_text(arguments: Mapping[str, Any]) -> str:
    """Give arguments by name as ``name=value, …``."""
    return ", ".join(f"{name}={value}" for name, value in arguments.items())


def hand_line(do: str | Text, prompt: str, indent: int, words: Words) -> Line:
    """Lay out what a person types at a prompt, or, where it is a sentence, does."""
    return Line("field", words.text(do), "•", indent) if isinstance(do, Text) else Line("code", do, prompt, indent)


class _Page:
    def __init__(self, runbook: Runbook, words: Words) -> None:
        self.runbook = runbook
        self.words = words

    def lines(self) -> Iterator[Line]:
        book, words = self.runbook, self.words
        yield Line("title", f"{book.id}  {words.text(book.title)}")
        yield Line("note", words.listed([words.kind(book.kind), book.file]))
        yield Line("heading", words("signs"))
        for sign in book.signs:
            yield Line("field", words.text(sign), "•", indent=1)
        if book.parameters:
            yield Line("heading", words("parameters"))
        for parameter in book.parameters.values():
            choices = words("choices", choices=", ".join(parameter.choices)) if parameter.choices else ""
            default = words("required") if parameter.default is None else words("left_out", default=parameter.default)
            yield Line("field", words.listed([words.text(parameter.description), choices, default]), parameter.name, 1)
        if book.roles:
            yield Line("heading", words("roles"))
        for role in book.roles.values():
            bound = role.item or words("other_than", role=role.other_than or "")
            yield Line("field", words.listed([bound, "" if role.reachable else words("no_login")]), role.name, 1)
        if book.assumptions:
            yield Line("heading", words("assumptions"))
        for text, call in book.assumptions:
            yield Line("field", words.text(text), "•", indent=1)
            yield Line("note", self.check(call), indent=2)
        if book.slots:
            yield Line("heading", words("slots"))
        for slot in book.slots.values():
            yield Line("field", words.text(slot.text), slot.name, 1)
            yield Line("note", words("chosen_by", check=self.check(slot.choose)), indent=2)
        yield Line("heading", words("steps"))
        for number, step in enumerate(book.steps, start=1):
            yield from self.step(number, step)

    def step(self, number: int, step: Step) -> Iterator[Line]:
        words = self.words
        yield Line("step", words.text(step.title), f"{number}. {step.id}")
        about = [words.verb(step.verb), words("on", item=step.on) if step.on else ""]
        if step.timeout:
            about.append(words("at_most", time=words.duration(step.timeout)))
        yield Line("note", words.listed(about), indent=1)
        yield from self.action(step)
        for call in step.verify:
            yield Line("field", self.check(call), words("verify"), 1)
        if step.undo.irreversible:
            why = words.text(step.undo.irreversible)
            yield Line("field", words("irreversible", why=why), words("undo"), 1)
        elif step.undo.action is not None:
            yield Line("field", "", words("undo"), 1)
            yield from self.command(step.undo.action, indent=2)
        if step.by_hand:
            yield Line("field", "", words("by_hand"), 1)
        for hand in step.by_hand:
            yield hand_line(hand.do, f"{hand.on}$" if hand.on else "", 2, words)
            yield Line("field", words.text(hand.see), "→", 3)

    def action(self, step: Step) -> Iterator[Line]:
        words = self.words
        on = step.on or ""
        match step.action:
            case Run() | Playbook() as action:
                yield from self.command(action, indent=1)
            case Check(call=call):
                yield Line("field", self.check(call), words("check"), 1)
            case Wait(call=call, interval=interval):
                yield Line("field", self.check(call), words("check"), 1)
                yield Line("note", words("interval", time=words.duration(interval)), indent=1)
            case Manual(instruction=instruction):
                yield Line("field", words.text(instruction), words("confirm"), 1)
            case Fence(witnesses=witnesses, silent_ports=ports):
                said = words("fence", item=on, ports=", ".join(ports), witnesses=", ".join(witnesses))
                yield Line("note", said, indent=1)
            case Power(state=state):
                yield Line("note", words("power_on" if state == "on" else "power_cycle", item=on), indent=1)
            case called:
                with_ = arguments_text(called.parameters)
                yield Line("field", with_, words("calls", runbook=called.runbook), 1)
                if called.independent:
                    after = words("part_after", parts=", ".join(called.after)) if called.after else ""
                    yield Line("note", words.listed([words("independent"), after]), indent=1)

    def command(self, action: Run | Playbook, *, indent: int) -> Iterator[Line]:
        words = self.words
        if isinstance(action, Playbook):
            yield Line("field", action.file, words("playbook"), indent)
            yield from (Line("field", str(value), name, indent + 1) for name, value in action.variables.items())
            return
        if action.argv:
            yield Line("code", " ".join(quoted(each) for each in action.argv), f"{action.user}$", indent)
            return
        given = action.values or [f"{name}={value}" for name, value in (action.variables or {}).items()]
        program = "sh" if action.script else f"psql {action.database}"
        yield Line("code", " ".join([program, *(quoted(each) for each in given)]), f"{action.user}$", indent)
        yield Line("code", action.script or action.sql, "|", indent + 1)

    def check(self, call: CheckCall) -> str:
        arguments = arguments_text(call.arguments)
        return f"{self.words('on', item=call.on)}: {call.function}({arguments}) — {call.file}"
