"""A command line that is not understood: one clear message, and exit code 2."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from drillbook.errors import ExitCode
from drillbook.tasks.all import ns
from drillbook.tasks.command_line import CommandLine
from tests.estate_copy import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG = [
    ("cmdb.chek", "there is no command 'cmdb.chek'", "did you mean cmdb.check"),
    ("runbooks.plna RB-X", "there is no command 'runbooks.plna'", "did you mean runbooks.plan"),
    ("frobnicate", "there is no command 'frobnicate'", "./inv --list shows all commands"),
    ("lab", "there is no command 'lab'", "lab.status"),
    ("--help drills.lst", "there is no command 'drills.lst'", "drills.list"),
    ("--list nothing", "there are no commands 'nothing'", "there are cmdb, runbooks"),
    ("--nope", "there is no option --nope", "./inv --help"),
    ("cmdb.check foo", "cmdb.check does not take 'foo'", "./inv --help cmdb.check"),
    ("cmdb.check --jsn", "cmdb.check has no option --jsn", "it has no options"),
    ("runbooks.plan RB-X --by-han", "runbooks.plan has no option --by-han", "did you mean --by-hand?"),
    ("runbooks.rollback last --yes", "runbooks.rollback has no option --yes", "it has --key, --lang, --name"),
    ("runbooks.plan RB-X --jsn=1", "runbooks.plan has no option --jsn", "did you mean --json?"),
    ("runbooks.show", "runbooks.show needs RUNBOOK", "./inv runbooks.show RUNBOOK"),
    ("runbooks.status --count", "--count needs a value", "./inv --help runbooks.status"),
    ("runbooks.plan RB-X --by-hand=3", "runbooks.plan does not take '3'", "./inv --help runbooks.plan"),
    ("runbooks.status --count x", "'x' is not a whole number", "./inv --help COMMAND"),
]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            CommandLine(namespace=ns, name="x", binary="x").run(["x", *words])
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


@pytest.mark.parametrize(("line", "said", "advice"), WRONG, ids=[each[0] for each in WRONG])
def test_what_is_wrong_is_said(line: str, said: str, advice: str, typed: Callable[..., tuple[int, str]]) -> None:
    code, told = typed(*line.split())
    first, second = told.split("\n  → ")
    assert (code, first.startswith("✗ "), said in first, advice in second) == (ExitCode.USAGE, True, True, True), told
    assert "Traceback" not in told


def test_what_was_typed_does_not_move_the_cursor(typed: Callable[..., tuple[int, str]]) -> None:
    for words in (
        ("\x1b[2J",),
        ("cmdb.check", "--\x1b[2J"),
        ("--list", "\x1b[2J"),
        ("runbooks.status", "--count", "\x1b"),
    ):
        code, told = typed(*words)
        assert code == ExitCode.USAGE
        assert "\x1b" not in told


def test_a_fault_of_ours_while_help_is_shown_is_not_taken_for_a_wrong_command_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("of our own")

    monkeypatch.setattr(CommandLine, "list_tasks", broken)
    with pytest.raises(ValueError, match="of our own"):
        CommandLine(namespace=ns, name="x", binary="x").run(["x", "--list"])


def test_help_and_list_end_well(typed: Callable[..., tuple[int, str]]) -> None:
    assert typed("--help", "cmdb.check") == (0, "")
    assert typed("--list", "lab") == (0, "")


@pytest.mark.parametrize("program", [("-m", "invoke"), ("-m", "drillbook")])
def test_every_way_to_begin_a_command_says_it_so(program: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, *program, "cmdb.chek"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr.startswith("✗ there is no command 'cmdb.chek'\n  → did you mean cmdb.check")
