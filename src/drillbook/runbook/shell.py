"""What a shell script does with its values: which it uses, and whether one could become syntax.

A scanner of POSIX shell's quoting (XCU 2.2, 2.6): enough to tell a value in double quotes, which
stays one word, from one that is split, calculated with, or put into another program's text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_HERE_DOCUMENT = re.compile(r"<<-?[ \t]*(?P<quote>['\"\\]?)(?P<word>[A-Za-z0-9_]+)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = re.compile(r"\$\{#?(?P<name>[0-9]+|[@*]|[A-Za-z_][A-Za-z0-9_]*)")
# An option or word after which a text is another program: sh -c, su -c, psql -c, perl -e, eval, …
_PROGRAM_FOLLOWS = re.compile(
    r"(?:^|[\s;&|(])(?:-[A-Za-z]*[ce]|--command|--eval|--execute|--expression|eval|awk|sed|ssh\s+\S+)(?:=|\s+|\s*=\s*)$"
)
_ASSIGNMENT = re.compile(r"(?:^|[\s;(])(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>[^\n]*)", re.MULTILINE)
_LOOP = re.compile(r"\bfor\s+(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s+in\s+(?P<value>[^\n;]*)")
_VALUE = re.compile(r"\$\{?(?:[1-9@*])")


@dataclass(slots=True)
class Scan:
    """What was found; lines count from 0 within the script.

    ``used``: numbers of the values that are used. ``everything``: ``$@`` or ``$*`` is used.
    ``unquoted``: (what, line) of values outside double quotes. ``as_program``: (what, line) of
    values inside a text that another program reads as its language.
    """

    used: set[int] = field(default_factory=set)
    everything: bool = False
    unquoted: list[tuple[str, int]] = field(default_factory=list)
    as_program: list[tuple[str, int]] = field(default_factory=list)


def scan(script: str) -> Scan:
    """Scan a script; it need not be correct shell."""
    return _Scanner(script).run()


def _carriers(script: str) -> set[str]:
    """Give the variables that hold a value, directly or through another variable."""
    names: set[str] = set()
    found = [*_ASSIGNMENT.finditer(script), *_LOOP.finditer(script)]
    while True:
        more = {
            match["name"]
            for match in found
            if _VALUE.search(match["value"]) or any(re.search(rf"\$\{{?{name}\b", match["value"]) for name in names)
        }
        if more <= names:
            return names
        names |= more


class _Scanner:
    def __init__(self, script: str) -> None:
        self.script = script
        self.result = Scan()
        self.carriers = _carriers(script)
        # Each open construct: its kind, whether a value in it stays one word, whether it is a program's text.
        self.open: list[tuple[str, bool, bool]] = [("plain", False, False)]
        self.here_documents: list[tuple[str, bool]] = []

    def run(self) -> Scan:
        position = 0
        while position < len(self.script):
            position = self.step(position)
        return self.result

    def step(self, at: int) -> int:
        """Read from ``at``; give where to go on."""
        script = self.script
        character = script[at]
        kind, _, program = self.open[-1]
        if character == "\\":
            return at + 2
        if character == "$":
            return self.expansion(at)
        if character == "`":
            if kind == "backtick":
                self.open.pop()
            else:
                self.open.append(("backtick", False, program))
            return at + 1
        if kind == "double":
            if character == '"':
                self.open.pop()
            return at + 1
        match character:
            case "'":
                end = script.find("'", at + 1)
                return len(script) if end < 0 else end + 1
            case '"':
                before = script[max(0, at - 80) : at]
                self.open.append(("double", True, program or bool(_PROGRAM_FOLLOWS.search(before))))
            case "#" if at == 0 or script[at - 1] in " \t\n;":
                end = script.find("\n", at)
                return len(script) if end < 0 else end
            case "(":
                self.open.append(("paren", False, program))
            case ")" if kind == "paren":
                self.open.pop()
            case "}" if kind == "brace":
                self.open.pop()
            case "<" if script.startswith("<<", at) and not script.startswith("<<<", at):
                return self.here_document(at)
            case "\n" if self.here_documents:
                return self.bodies(at + 1)
        return at + 1

    def expansion(self, at: int) -> int:
        script = self.script
        following = script[at + 1 : at + 2]
        _, quoted, program = self.open[-1]
        if following == "(":
            self.open.append(("paren", False, program))
            return at + 2
        if following == "{":
            found = _BRACED.match(script, at)
            if found is None:
                return at + 2
            self.use(found["name"], at)
            self.open.append(("brace", quoted, program))
            return found.end()
        if following in {"@", "*"} or following.isdigit():
            self.use(following, at)
            return at + 2
        found = _NAME.match(script, at + 1)
        if found is None:
            return at + 1
        self.use(found.group(), at)
        return found.end()

    def use(self, name: str, at: int) -> None:
        _, quoted, program = self.open[-1]
        line = self.script.count("\n", 0, at)
        if name.isdigit():
            if int(name) == 0:
                return
            self.result.used.add(int(name))
        elif name in {"@", "*"}:
            self.result.everything = True
        elif name not in self.carriers:
            return
        if program:
            self.result.as_program.append((f"${name}", line))
        elif not quoted and not name[0].isalpha() and name[0] != "_":
            self.result.unquoted.append((f"${name}", line))

    def here_document(self, at: int) -> int:
        found = _HERE_DOCUMENT.match(self.script, at)
        if found is None:
            return at + 2
        self.here_documents.append((found["word"], bool(found["quote"])))
        end = found.end()
        return end + 1 if found["quote"] in {"'", '"'} else end

    def bodies(self, at: int) -> int:
        """Skip the here-documents that begin in this line; one that is expanded is a program's text."""
        for word, constant in self.here_documents:
            end = re.compile(rf"^\t*{re.escape(word)}$", re.MULTILINE).search(self.script, at)
            stop = end.start() if end else len(self.script)
            if not constant:
                self.open.append(("here", False, True))
                while at < stop:
                    at = self.expansion(at) if self.script[at] == "$" else at + 1
                while self.open[-1][0] != "here":
                    self.open.pop()
                self.open.pop()
            at = end.end() if end else stop
        self.here_documents = []
        return at
