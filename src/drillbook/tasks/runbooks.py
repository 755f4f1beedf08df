"""Runbooks: what there is, what they say, the exact commands of a plan, and running them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from drillbook.tasks.common import Touches, estate_root, task
from drillbook.tasks.runs import abandon, resume, rollback, run, status

if TYPE_CHECKING:
    from invoke.context import Context

__all__ = ["abandon", "lint", "list_", "plan", "resume", "rollback", "run", "show", "status"]


@task(touches=Touches.NOTHING, name="list", help={"lang": "language of the titles: en or zh"})
def list_(_: Context, lang: str = "en") -> None:
    """List the runbooks: what each is for, its roles, and the parameters that it takes."""
    from rich.table import Table
    from rich.text import Text

    from drillbook.console.output import console, say_error
    from drillbook.errors import InvalidInput
    from drillbook.runbook.load import load_sound
    from drillbook.runbook.words import Words

    words = Words(lang)
    books, wrong = load_sound(estate_root())
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold underline")
    for heading in ("runbook", "title", "roles", "parameters"):
        table.add_column(words(heading).lower(), overflow="fold", no_wrap=heading == "runbook")
    for book in books.values():
        # A parameter in brackets has a default and may be left out.
        parameters = [name if parameter.default is None else f"[{name}]" for name, parameter in book.parameters.items()]
        table.add_row(
            Text.assemble((book.id, "bold"), "\n", (words.kind(book.kind), "dim")),
            words.text(book.title),
            "\n".join(book.roles),
            "\n".join(parameters),
        )
    if not table.row_count and not wrong:
        console.print("There are no runbooks here: runbooks/ holds RB-*.yaml.")
        return
    if table.row_count:
        console.print(table)
        console.print("\n./inv runbooks.show RUNBOOK says when to use one, and every step.", style="dim")
    if wrong:
        sys.exit(say_error(InvalidInput(dict.fromkeys(each for found in wrong.values() for each in found))))


@task(touches=Touches.NOTHING)
def lint(_: Context) -> None:
    """Look for what in playbooks/ could fetch or compute at a run what nobody approved; asks no host."""
    from drillbook.artifacts.lint import lint as lint_tree
    from drillbook.artifacts.seal import FOLDER, digest_of
    from drillbook.console.output import console
    from drillbook.errors import InvalidInput

    root = estate_root()
    sealed = digest_of(root)  # links that lead outside, and what else a sealed copy may not hold
    findings = lint_tree(root / FOLDER)
    if findings:
        raise InvalidInput(findings)
    console.print(f"✓ {FOLDER}/: nothing that fetches or computes at a run what nobody approved\n  {sealed}")


@task(touches=Touches.NOTHING, help={"runbook": "the runbook's id, see runbooks.list", "lang": "language: en or zh"})
def show(_: Context, runbook: str, lang: str = "en") -> None:
    """Show a runbook for people: when to use it, its steps, and what to type by hand."""
    from drillbook.console.output import console
    from drillbook.console.page import print_page
    from drillbook.runbook.load import load_called
    from drillbook.runbook.render import runbook_page

    print_page(console, runbook_page(load_called(estate_root(), runbook)[runbook], lang))


@task(
    touches=Touches.NOTHING,
    iterable=["param"],
    help={
        "runbook": "the runbook's id, see runbooks.list",
        "env": "environment of the CMDB; the lab's unless told",
        "param": "name=value, once for each parameter",
        "lang": "language: en or zh",
        "json": "print the plan itself, as canonical JSON",
        "markdown": "print it as Markdown, for a review",
        "by_hand": "only what a person types where there is no engine, with every name filled in",
    },
)
def plan(
    _: Context,
    runbook: str,
    param: list[str],
    *,
    env: str = "",
    lang: str = "en",
    json: bool = False,
    markdown: bool = False,
    by_hand: bool = False,
) -> None:
    """Print the exact commands that a run would send; no host is asked."""
    from drillbook.canonical import canonical_json
    from drillbook.cmdb.load import load
    from drillbook.console.output import console
    from drillbook.console.page import print_page
    from drillbook.plan.render import by_hand_page, plan_markdown, plan_page
    from drillbook.runbook.load import load_called
    from drillbook.tasks.lab import lab_environment
    from drillbook.tasks.wiring import Estate, parse_parameters, plan_of

    root = estate_root()
    parameters = parse_parameters(param)
    # Only this runbook and what it calls: a mistake in another one is not in the way of an emergency.
    estate = Estate(root, load(root), load_called(root, runbook))
    environment = env or lab_environment(estate.cmdb)
    made = plan_of(estate, runbook, environment=environment, parameters=parameters)
    if json:
        console.write(canonical_json(made.to_json()).decode() + "\n")
    elif markdown:
        console.write(plan_markdown(made, lang))
    else:
        print_page(console, by_hand_page(made, lang) if by_hand else plan_page(made, lang))
