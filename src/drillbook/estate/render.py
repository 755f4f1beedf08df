"""Templates of a new estate, filled in. No value becomes syntax: each is quoted where it is written.

YAML: every expression becomes one scalar, plain where that cannot be misread, else in double quotes as JSON has
them, which are YAML's too. Markdown: what it could take for markup is escaped. Both are done by the template
engine for all expressions, so a template cannot forget it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FOLDER = Path(__file__).with_name("templates")

_PLAIN = re.compile(r"[a-z][a-z0-9-]*|[0-9]+(\.[0-9]+){3}(/[0-9]+)?")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
_MARKUP = re.compile(r"[\\`*_\[\]<>&#|~$]")


def yaml_scalar(value: str | int) -> str:
    """Write a value as one YAML scalar that is read back as the same value, by YAML 1.1 and 1.2."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


def markdown_text(value: str | int) -> str:
    """Write a value as text that Markdown shows as it is."""
    return _MARKUP.sub(lambda found: "\\" + found.group(), str(value))


def _environment(finalize: Callable[[Any], str]) -> Environment:
    # Not autoescape: that is for HTML. ``finalize`` sees every expression, whatever the template does.
    return Environment(  # noqa: S701
        loader=FileSystemLoader(FOLDER),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _constant(value: Any) -> str:
    raise TypeError(f"this kind of file takes no value, and was given {value!r}")


def render(name: str, values: Mapping[str, Any]) -> str:
    """Fill a template in: ``name`` is its path below the templates, whose kind says how values are written."""
    writers: dict[str, Callable[[Any], str]] = {".yaml": yaml_scalar, ".md": markdown_text, ".txt": str}
    kind = Path(name.removesuffix(".j2")).suffix
    return _environment(writers.get(kind, _constant)).get_template(name).render(values)
