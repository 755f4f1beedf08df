"""Every rule with one line about it, in the order in which the docs show them."""

# fmt: off
# ruff: noqa: E501 - one rule, one line

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """A rule: its id, as findings show it, and one line about it."""

    id: str
    documentation: str


RULES = (
    Rule("missing-undo", "A step that can change something says how it is undone: `nothing`, a run or a playbook, or `irreversible`."),
    Rule("missing-timeout", "Every step has a timeout; a runbook's step has none, since its inner steps have their own."),
    Rule("missing-repeat", "A step that acts on a host says what a resume may do: safe, check or never."),
    Rule("missing-by-hand", "Every step but manual ones says what a person types when there is no engine."),
    Rule("forbidden-character", "No text holds control, bidirectional or invisible characters; only scripts and SQL break lines."),
    Rule("file-name", "A runbook's file is called like its id."),
    Rule("unknown-role", "Every role that is named exists; `other_than` names another role that is bound by item."),
    Rule("same-host-twice", "No two roles of a runbook are the same host."),
    Rule("duplicate-step", "Step ids are unique in a runbook."),
    Rule("text-language", "The Chinese texts are Chinese."),
    Rule("by-hand-ascii", "What a person types is ASCII."),
    Rule("by-hand-sentence", "What is no command names the same in both languages, and is typed at no console."),
    Rule("parameter", "A choice has its choices, and a default is of its parameter's type."),
    Rule("parameter-unused", "Every parameter has an effect."),
    Rule("sub-runbook-fields", "A step that calls a runbook has no on, verify, undo or timeout of its own."),
    Rule("timeout-range", "Timeouts are over 0 s and at most 24 h, intervals at most the timeout."),
    Rule("missing-verify", "Steps with verb promote, demote, join, start or stop prove that they worked."),
    Rule("repeat-without-verify", "`repeat: check` has a verify that tells whether the step is done."),
    Rule("repeat-promotion", "A promotion is never repeated blindly."),
    Rule("undo-nothing", "`undo: nothing` is only said of steps that change nothing."),
    Rule("fence-shape", "The verb fence and the action fence go together; its witnesses are other hosts; it is proved anew after a break."),
    Rule("unreachable-role", "No step logs in to a host that may be off."),
    Rule("template-syntax", "A brace is part of a reference or doubled."),
    Rule("unknown-reference", "Every reference can name something."),
    Rule("slot-place", "A value that is chosen at the run stands alone: an element of `argv` or `values`, or a check's argument."),
    Rule("slot-unused", "Every slot has an effect."),
    Rule("reference-circle", "No value needs itself."),
    Rule("constant-text", "Scripts, SQL and texts for people hold no references."),
    Rule("constant-program", "Which program runs does not depend on a value."),
    Rule("value-as-syntax", "No value becomes part of a shell's, an interpreter's or a database's language."),
    Rule("script-values", "A script uses exactly the values that it is given."),
    Rule("sql-variables", "SQL uses exactly the variables that it is given."),
    Rule("sql-leaves", "SQL starts no program, touches no file and keeps its connection."),
    Rule("promotion-without-fencing", "Before a promotion the other member is fenced, or in a switchover or failback provably demoted."),
    Rule("unlabelled-promotion", "What promotes has verb promote; an undo, a check and a playbook under another verb do not."),
    Rule("power-off", "Hosts are switched off by fencing only."),
    Rule("missing-playbook", "Playbooks that are called exist below playbooks/."),
    Rule("missing-check", "Checks that are called exist below playbooks/."),
    Rule("check-arguments", "A check gets the arguments that its function takes."),
    Rule("unknown-runbook", "Runbooks that are called exist."),
    Rule("runbook-circle", "No runbook calls itself."),
    Rule("runbook-parameters", "A runbook that is called gets the parameters that it has."),
    Rule("independent-parts", "Of a runbook's steps all are independent calls or none, and beside them it has no assumptions or slots; each comes after steps that stand before it; no other runbook calls such a one."),
)
