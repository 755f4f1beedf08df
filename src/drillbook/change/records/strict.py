"""The files of a change as they are read: canonical JSON of a known form, or nothing at all.

What is signed are a file's bytes. So there is one way to write a value: a key that stands twice, another
order, a space or a number written otherwise is refused, and nobody can read a file in two ways.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from drillbook.canonical import canonical_json
from drillbook.errors import InvalidInput
from drillbook.node import Lines, Map, Seq
from drillbook.schema import findings_of, hostile_findings, read_schema
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Mapping

Form = Literal["request", "bound", "approval", "result"]

MAX_DEPTH = 40
_MULTILINE = frozenset({"argv", "stdin"})  # scripts and SQL that a plan sends
_OTHERWISE = "write it with the task that makes it, never by hand"


def read_bounded(path: Path, *, name: str, at_most: int) -> bytes:
    """Give an ordinary file's bytes. Raises InvalidInput for a link, a device, a pipe, or a file that is too large."""
    try:
        # Opened without following or waiting, and looked at when it is open: nobody can swap it meanwhile.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidInput.at(name, 1, "file", "is a pipe, a device or a socket; it must be an ordinary file")
            data = file.read(at_most + 1)
    except OSError as error:
        what = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be read: {error.strerror}"
        raise InvalidInput.at(name, 1, "file", f"{what}; it must be an ordinary file") from None
    require_size(data, name=name, at_most=at_most)
    return data


def require_size(data: bytes, *, name: str, at_most: int) -> None:
    """Refuse too many bytes, as InvalidInput."""
    if len(data) > at_most:
        raise InvalidInput.at(name, 1, "file-size", f"the file has over {at_most:,} bytes, which no change needs")


def parse(data: bytes, form: Form, *, name: str) -> dict[str, Any]:
    """Give the value of a file's bytes.

    Args:
        data: the bytes.
        form: which of the schema's forms it must have.
        name: the file's name in findings.

    Raises:
        InvalidInput: it is not UTF-8, not JSON, not canonical, nested too deeply, not of that form, or holds
            characters that hide what it says.
    """
    try:
        value = json.loads(data.decode(), object_pairs_hook=_each_once, parse_constant=_no_number, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise InvalidInput.at(name, 1, "encoding", f"the file is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise InvalidInput.at(name, error.lineno, "json", f"this is not JSON: {error.msg}; {_OTHERWISE}") from None
    except _AmbiguousError as error:
        raise InvalidInput.at(name, 1, "json", f"{error}; {_OTHERWISE}") from None
    except (RecursionError, ValueError):
        raise InvalidInput.at(name, 1, "json", f"this is no JSON that a change holds; {_OTHERWISE}") from None
    document = _lined(value, name, 0)
    if not isinstance(document, Map):
        raise InvalidInput.at(name, 1, "json", f"the file must hold a mapping; {_OTHERWISE}")
    # First what the texts hold: a lone surrogate, say, is nothing that the schema can look at.
    findings = hostile_findings(document, name, multiline=_MULTILINE) or findings_of(schema(form), document, name)
    if findings:
        raise InvalidInput(findings)
    if encoded(value) != data:
        raise InvalidInput.at(
            name, 1, "canonical",
            f"the file is not canonical JSON (keys sorted, no white space, one line feed at the end); {_OTHERWISE}",
        )  # fmt: skip
    assert isinstance(value, dict)
    return value


def encoded(value: Mapping[str, Any]) -> bytes:
    """Give the bytes of a file: canonical JSON and a line feed."""
    return canonical_json(value) + b"\n"


@cache
def schema(form: Form) -> dict[str, Any]:
    """Give the JSON Schema of a form; it must not be changed."""
    whole = read_schema(Path(__file__).with_name("schema.json"))
    return {"$schema": whole["$schema"], "$defs": whole["$defs"], "$ref": f"#/$defs/{form}"}


class _AmbiguousError(ValueError):
    """What two readers could take for two values."""


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _AmbiguousError(f"'{visible(twice, limit=60)}' stands there twice")
    return found


def _no_number(word: str) -> Any:
    raise _AmbiguousError(f"{word} is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _AmbiguousError(f"{visible(text, limit=40)} is too large a number")
    return number


def _lined(value: Any, name: str, depth: int) -> Any:
    """Give the same value as nodes that know their line: all of canonical JSON stands in the first."""
    if depth > MAX_DEPTH:
        raise InvalidInput.at(name, 1, "nesting", f"nested over {MAX_DEPTH} levels; {_OTHERWISE}")
    if isinstance(value, dict):
        mapping = Map(name, 1, Lines.SAME)
        for key, each in value.items():
            mapping[key] = _lined(each, name, depth + 1)
        return mapping
    if isinstance(value, list):
        sequence = Seq(name, 1, Lines.SAME)
        sequence.extend(_lined(each, name, depth + 1) for each in value)
        return sequence
    return value
