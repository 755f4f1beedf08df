"""The lint of Jinja templates, in playbooks and in files: by Jinja's own parser, not by patterns."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, TemplateSyntaxError, nodes

from drillbook.artifacts.ansible_words import (
    FILE_LOOKUPS,
    LOOKUP_OPTIONS,
    LOOKUPS,
    REFUSED_FILTERS,
    REFUSED_TESTS,
    short,
)
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_CALLS = ("lookup", "query", "q")
# Filters that take the name of a filter or a test, and which of their arguments it is.
_BY_NAME = {"map": 0, "select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
_LOADERS = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)
_HEADER = re.compile(r"#jinja2:(?P<settings>.*)")
_HEADER_SETTINGS = re.compile(r"\s*(trim_blocks|lstrip_blocks|keep_trailing_newline)\s*:\s*(True|False|true|false)\s*")


@functools.cache
def _parser() -> Environment:
    return Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], autoescape=True)


def is_template(text: str) -> bool:
    """Tell whether Ansible would take a text for a template."""
    return "{{" in text or "{%" in text or "{#" in text


def template_problems(text: str) -> Iterator[tuple[int, str]]:
    """Give what a template may not do: the line within it, from 1, and a sentence."""
    try:
        tree = _parser().parse(text)
    except TemplateSyntaxError as error:
        yield error.lineno, f"is no template that can be read: {visible(str(error.message), limit=120)}"
        return
    except RecursionError:
        yield 1, "is nested too deep to be read"
        return
    except ValueError:  # a number of over 4,300 digits, which Python does not read
        yield 1, "has a number that is too long to be read"
        return
    called = {id(call.node) for call in tree.find_all(nodes.Call)}
    for node in _all(tree):
        message = _problem(node, called)
        if message is not None:
            yield node.lineno, message


def expression_problems(text: str) -> Iterator[tuple[int, str]]:
    """Do the same for an expression without braces, such as that of ``when``."""
    if is_template(text):
        yield 1, "holds braces where an expression stands without; what they give would be read as code again"
    else:
        yield from template_problems("{{ " + text + " }}")


def file_problems(text: str) -> Iterator[tuple[int, str]]:
    """Do the same for a file of a template, whose first line can change how the rest is read."""
    found = _HEADER.match(text)
    if found and not all(_HEADER_SETTINGS.fullmatch(each) for each in found["settings"].split(",")):
        yield 1, "has a #jinja2: line that changes how it is read; only trim_blocks and lstrip_blocks may stand there"
    yield from template_problems(text)


def looked_up(name: str, terms: list[str | None], options: set[str] | None) -> str | None:
    """Say what is wrong with a lookup, or None. ``None`` among ``terms`` is a term that is computed."""
    name = short(name)
    if name not in LOOKUPS:
        return f"looks up '{visible(name, limit=40)}', which gives what nobody has approved; allowed: {_allowed()}"
    if options is None or not options <= LOOKUP_OPTIONS:
        return f"gives '{name}' options that are not allowed; allowed: {', '.join(sorted(LOOKUP_OPTIONS))}"
    if name in FILE_LOOKUPS:
        for term in terms:
            problem = path_problem(term, ending=".j2" if name == "template" else None)
            if problem is not None:
                return f"looks up a {name} and {problem}"
    return None


def path_problem(path: str | None, *, ending: str | None = None) -> str | None:
    """Say what is wrong with a path that must lie in the sealed copy, or None; ``None``: it is computed."""
    if path is None or is_template(path):
        return "computes its path; write it out, so that a reader sees which file it is"
    if path.startswith(("/", "~")) or ".." in path.split("/") or "\\" in path or "://" in path:
        return f"leads to '{visible(path, limit=60)}', outside the sealed copy; write a path inside it"
    if ending is not None and not path.endswith(ending):
        return f"names '{visible(path, limit=60)}', which does not end with {ending} and so is not read by the lint"
    return None


def _all(tree: nodes.Node) -> Iterator[nodes.Node]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.iter_child_nodes())


def _allowed() -> str:
    return ", ".join(sorted(LOOKUPS))


def _problem(node: nodes.Node, called: set[int]) -> str | None:
    match node:
        case nodes.Call(node=nodes.Name(name=name)) if name in _CALLS:
            return _call(node)
        case nodes.Name(name=name) if name in _CALLS and id(node) not in called:
            return f"uses '{name}' otherwise than by calling it"
        case nodes.Name(name="now"):
            return "uses 'now', which gives another value at each run"
        case nodes.Getattr(attr=name) if name.startswith("_"):
            return f"reaches for '{visible(name, limit=40)}', which is internal"
        case nodes.Const(value=str(text)) if "__" in text:
            return "holds two underscores in a text, by which internals are reached; write it otherwise"
        case nodes.Filter(name=name) if name in _BY_NAME and len(node.args) > _BY_NAME[name]:
            return _by_name(node, name)
        case nodes.Filter(name=name) if name is not None and (why := REFUSED_FILTERS.get(short(name))):
            return f"uses the filter '{short(name)}', which {why}"
        case nodes.Filter(name=name) | nodes.Test(name=name) if problem := _of_collection(name or ""):
            return problem
        case nodes.Test(name=name) if short(name) in REFUSED_TESTS:
            return f"tests for '{short(name)}', which looks at this machine, not at the host"
        case _ if isinstance(node, _LOADERS):
            template: Any = node.template
            problem = path_problem(_text(template), ending=".j2")
            return f"includes a template and {problem}" if problem is not None else None
    return None


def _by_name(node: nodes.Filter, filter_: str) -> str | None:
    name = _text(node.args[_BY_NAME[filter_]])
    if name is None:
        return f"computes which filter or test '{filter_}' applies; write its name out"
    if filter_ == "map":
        why = REFUSED_FILTERS.get(short(name))
        return f"uses the filter '{short(name)}', which {why}" if why else _of_collection(name)
    if short(name) in REFUSED_TESTS:
        return f"tests for '{short(name)}', which looks at this machine, not at the host"
    return _of_collection(name)


def _of_collection(name: str) -> str | None:
    if "." not in short(name):
        return None
    return f"uses '{visible(name, limit=60)}' of a collection, which is not in the sealed copy"


def _call(call: nodes.Call) -> str | None:
    if not call.args or call.dyn_args is not None or call.dyn_kwargs is not None:
        return "computes what it looks up; write the lookup's name out"
    name = _text(call.args[0])
    if name is None:
        return "computes which lookup it is; write its name out"
    return looked_up(name, [_text(each) for each in call.args[1:]], {each.key for each in call.kwargs})


def _text(node: nodes.Node) -> str | None:
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None
