"""What stands under playbooks/: which checks exist with which parameters, and what playbooks say.

Checks are read by their syntax tree: validating a runbook never runs what it calls.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 1024 * 1024
"""Files under playbooks/ over this size are not read by the rules."""

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_ROLE_PARTS = ("tasks", "handlers", "templates", "files", "vars", "defaults", "meta")


class Unreadable(Exception):
    """A file under playbooks/ that is missing or cannot be read; the text is the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of a check. ``first``: the positional one that gets the host, or None.

    ``names``: those that may be given by keyword; ``required``: those of them without a default;
    ``any_name``: whether it takes every keyword.
    """

    first: str | None
    names: tuple[str, ...]
    required: tuple[str, ...]
    any_name: bool


class Library:
    """The files below ``folder`` (an estate's playbooks/), each read once, when it is asked for."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it need not exist."""
        self.folder = folder
        self._trees: dict[str, ast.Module] = {}

    def text(self, file: str) -> str:
        """Give a file's text. Raises Unreadable."""
        path = self.folder / file
        try:
            if not path.resolve().is_relative_to(self.folder.resolve()):
                raise Unreadable("leads outside playbooks/")
            if not path.is_file():
                raise Unreadable("does not exist below playbooks/")
            if path.stat().st_size > MAX_BYTES:
                raise Unreadable(f"has over {MAX_BYTES:,} bytes")
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise Unreadable("is not UTF-8") from None
        except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
            raise Unreadable(f"cannot be read ({error})") from None

    def checks(self, file: str) -> dict[str, Signature]:
        """Give the functions of a file of checks by name. Raises Unreadable, also for a syntax error."""
        return {node.name: _signature(node) for node in self._tree(file).body if isinstance(node, ast.FunctionDef)}

    def constants(self, file: str) -> list[str]:
        """Give the constant texts of a file of checks, docstrings left out. Raises Unreadable."""
        tree = self._tree(file)
        documentation = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        return [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
        ]

    def playbook_texts(self, file: str) -> dict[str, str]:
        """Give the texts of a playbook and of every file below playbooks/ that it can reach.

        What it reaches is over-estimated: each word that is the path of a file, or the name of a role.
        Raises Unreadable for the playbook itself; what else cannot be read is left out.
        """
        texts = {file: self.text(file)}
        waiting = [file]
        while waiting:
            current = waiting.pop()
            base = current.rpartition("/")[0]
            for word in set(_WORD.findall(texts[current])):
                for found in self._files_of(word.rstrip("."), base):
                    if found not in texts:
                        try:
                            texts[found] = self.text(found)
                        except Unreadable:
                            continue
                        waiting.append(found)
        return texts

    def _files_of(self, word: str, base: str) -> list[str]:
        found = [name for name in {word, f"{base}/{word}".lstrip("/")} if (self.folder / name).is_file()]
        role = self.folder / "roles" / word
        if "/" not in word and word not in {".", ".."} and role.is_dir():
            for part in _ROLE_PARTS:
                found += [
                    path.relative_to(self.folder).as_posix()
                    for path in sorted((role / part).rglob("*"))
                    if path.is_file()
                ]
        return found

    def _tree(self, file: str) -> ast.Module:
        if file not in self._trees:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # matters of style, such as '\\$', are the linter's
                    self._trees[file] = ast.parse(self.text(file))
            except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
                line = getattr(error, "lineno", None) or 1
                raise Unreadable(f"is not valid Python (line {line})") from None
        return self._trees[file]


def _signature(node: ast.FunctionDef) -> Signature:
    arguments = node.args
    positional = [each.arg for each in (*arguments.posonlyargs, *arguments.args)]
    without_default = positional[: len(positional) - len(arguments.defaults)]
    keyword_only = [each.arg for each in arguments.kwonlyargs]
    required_only = [name for name, default in zip(keyword_only, arguments.kw_defaults, strict=True) if default is None]
    first = positional[0] if positional else None
    return Signature(
        first=first,
        names=(*(name for name in positional if name != first), *keyword_only),
        required=(*(name for name in without_default if name != first), *required_only),
        any_name=arguments.kwarg is not None,
    )
