"""The lint of Ansible's YAML: plays, tasks, roles and variables, as ansible-core 2.19 reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import yaml

from drillbook.artifacts import ansible_words as words
from drillbook.artifacts.lint_template import (
    expression_problems,
    is_template,
    looked_up,
    path_problem,
    template_problems,
)
from drillbook.artifacts.loops import constant_items, filled
from drillbook.artifacts.yaml_nodes import (
    LITERAL,
    PLAIN,
    Found,
    composed,
    entries_of,
    fields_of,
    found,
    found_in,
    scalar_of,
)
from drillbook.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOSTS_HERE = ("localhost", "127.0.0.1", "::1")
_ROLE = re.compile(r"[A-Za-z0-9_-]+")
_CHECKSUM = re.compile(r"sha(256|384|512):[0-9a-f]{64,128}")
_TASK_LISTS = ("tasks", "pre_tasks", "post_tasks", "handlers")
_BLOCKS = ("block", "rescue", "always")
_LOOP_NAMES = ("loop_var", "index_var")


def yaml_problems(text: str, roles: frozenset[str]) -> Iterator[Found]:
    """Give what a YAML file of the sealed tree may not do; ``roles`` are the names of the roles in it."""
    top, problems = composed(text)
    yield from problems
    if top is not None and not problems:  # else a value may stand for another one
        yield from _File(roles).top(top)


class _File:
    def __init__(self, roles: frozenset[str]) -> None:
        self.roles = roles

    def top(self, node: yaml.Node) -> Iterator[Found]:
        """Look at a file by what it holds: a list of plays or tasks, or a mapping of variables."""
        if isinstance(node, yaml.SequenceNode):
            for each in node.value:
                fields = fields_of(each)
                if "import_playbook" in map(words.short, fields):
                    yield from self._imported(each, fields)
                elif "hosts" in fields:
                    yield from self._play(fields)
                else:
                    yield from self._task(each)
        elif isinstance(node, yaml.MappingNode):
            yield from self._variables(node)
            yield from self._roles(fields_of(node).get("dependencies"))
        elif scalar_of(node):
            yield found(node, "lint-yaml", "holds neither a list nor a mapping")

    def _imported(self, node: yaml.Node, fields: dict[str, yaml.Node]) -> Iterator[Found]:
        for name, value in fields.items():
            if words.short(name) == "import_playbook":
                if (problem := _read_problem(value)) is not None:
                    yield found(value, "lint-path", f"imports a playbook and {problem}")
            elif name in ("name", "tags", "vars", "when"):
                yield from self._keyword(name, value)
            else:
                yield found(node, "lint-keyword", f"'{visible(name, limit=40)}' is not allowed beside import_playbook")

    def _play(self, fields: dict[str, yaml.Node]) -> Iterator[Found]:
        for name, value in fields.items():
            if name in _TASK_LISTS:
                for each in entries_of(value):
                    yield from self._task(each)
            elif name == "roles":
                yield from self._roles(value)
            elif name == "vars_files":
                for each in entries_of(value):
                    if (problem := _read_problem(each)) is not None:
                        yield found(each, "lint-path", f"reads variables and {problem}")
            elif name == "hosts":
                yield from self._hosts(value)
            elif name in words.REFUSED_KEYWORDS or name not in words.PLAY:
                yield _refused_keyword(name, value)
            elif name == "strategy" and scalar_of(value) not in ("linear", "free", "host_pinned"):
                yield found(value, "lint-keyword", "names a strategy that is not linear, free or host_pinned")
            else:
                yield from self._keyword(name, value)

    def _hosts(self, node: yaml.Node) -> Iterator[Found]:
        for each in entries_of(node) or [node]:
            text = scalar_of(each)
            if text is None or is_template(text) or any(here in text.lower() for here in _HOSTS_HERE):
                yield found(each, "lint-host", "names this machine, or computes its hosts; write groups or 'all'")

    def _roles(self, node: yaml.Node | None) -> Iterator[Found]:
        for each in entries_of(node) if node is not None else ():
            fields = fields_of(each)
            name = fields.get("role", fields.get("name")) if fields else each
            yield from self._role(name if name is not None else each)
            for key, value in fields.items():
                if key in ("role", "name"):
                    continue
                if key in words.REFUSED_KEYWORDS or key not in words.ROLE:
                    yield _refused_keyword(key, value)  # also a variable of the role, which belongs under vars
                else:
                    yield from self._keyword(key, value)

    def _role(self, node: yaml.Node) -> Iterator[Found]:
        name = scalar_of(node)
        if name is None or not _ROLE.fullmatch(name):
            yield found(node, "lint-path", "names a role by more than its plain name; write the name out")
        elif name not in self.roles:
            yield found(
                node, "lint-path",
                f"names the role '{name}', which is not in the sealed copy and would be looked for on this machine",
            )  # fmt: skip

    def _task(self, node: yaml.Node) -> Iterator[Found]:
        fields = fields_of(node)
        if not fields:
            yield found(node, "lint-yaml", "is no task: a task is a mapping with a module")
            return
        blocks = [name for name in _BLOCKS if name in fields]
        allowed = words.BLOCK if blocks else words.TASK
        modules = []
        for name, value in fields.items():
            if name in _BLOCKS:
                for each in entries_of(value):
                    yield from self._task(each)
            elif name in words.REFUSED_KEYWORDS:
                yield _refused_keyword(name, value)
            elif name.startswith("with_"):
                yield from self._with(name, value)
            elif name == "args":
                pass  # looked at with the module
            elif name in allowed:
                yield from self._keyword(name, value)
            else:
                modules.append(name)
        if blocks:
            for name in modules:
                yield _refused_keyword(name, fields[name])
        elif "action" in fields or "local_action" in fields:
            return  # refused above, whatever else there is
        elif len(modules) != 1:
            named = ", ".join(visible(each, limit=40) for each in modules) or "none"
            yield found(node, "lint-module", f"needs exactly one module that is known; found: {named}")
        else:
            yield from self._module(modules[0], fields)

    def _module(self, name: str, fields: dict[str, yaml.Node]) -> Iterator[Found]:
        node, module = fields[name], words.short(name)
        if module not in words.MODULES:
            why = words.REFUSED_MODULES.get(module) or (
                "is of a collection, which is not in the sealed copy" if "." in module else "is not known to the lint"
            )
            yield found(node, "lint-module", f"the module '{visible(name, limit=60)}' {why}")
            return
        yield from self._values(node)
        arguments = fields_of(node)
        extra = fields.get("args")
        if extra is not None:
            yield from self._values(extra)
            if not isinstance(extra, yaml.MappingNode):
                yield found(extra, "lint-module", "computes the module's arguments; write them out")
            arguments = {**arguments, **fields_of(extra)}
        text = scalar_of(node)
        if text and module not in words.FREE_FORM:
            yield found(node, "lint-module", f"gives '{module}' its arguments as one text; write a mapping")
            return
        if module in words.INCLUDES:
            target = arguments.get(words.INCLUDES[module]) if arguments else node
            if module.endswith("_role"):
                yield from self._role(target or node)
                for each in ("tasks_from", "vars_from", "defaults_from", "handlers_from"):
                    if each in arguments and (problem := path_problem(scalar_of(arguments[each]))) is not None:
                        yield found(arguments[each], "lint-path", f"{module} {problem}")
            elif (problem := _read_problem(target)) is not None:
                yield found(node, "lint-path", f"{module} {problem}")
            for each, value in fields_of(arguments["apply"]).items() if "apply" in arguments else ():
                if each in words.REFUSED_KEYWORDS or each not in words.TASK:
                    yield _refused_keyword(each, value)
                else:
                    yield from self._keyword(each, value)
        yield from self._arguments(module, arguments, fields.get("loop") or fields.get("with_items"))

    def _arguments(self, module: str, arguments: dict[str, yaml.Node], loop: yaml.Node | None) -> Iterator[Found]:
        source = arguments.get("src")
        if source is not None and module in ("template", "copy", "unarchive", "assemble"):
            remote = scalar_of(arguments.get("remote_src")) in ("true", "yes", "True", "on", "1")
            if module == "assemble" and "remote_src" not in arguments:
                remote = True  # its default, unlike that of the others
            for path in filled(scalar_of(source), constant_items(loop)):
                problem = path_problem(path, ending=".j2" if module == "template" else None)
                if problem is not None and not (remote and path is not None and "://" not in path):
                    yield found(source, "lint-path", f"{module} {problem}")
                    break
        for name, value in arguments.items():
            text = scalar_of(value) or ""
            if module == "template" and name.endswith("_string") and name.startswith(words.DELIMITERS):
                yield found(value, "lint-template", f"'{name}' changes how the template is read; leave it out")
            elif module == "include_vars" and name == "name" and _is_ansibles(text):
                yield _sets(value, text)
            elif module == "set_fact" and _is_ansibles(name):
                yield _sets(value, name)
            elif module in ("apt", "dnf", "dnf5", "package") and "://" in text:
                yield found(value, "lint-module", f"{module} fetches from an address; put the package on a source")
            elif module == "debug" and name == "var":
                yield from found_in(value, "lint-template", expression_problems(text))
            elif module == "assert" and name == "that":
                yield from self._expressions(value)
            elif module == "pause" and name not in ("minutes", "seconds"):
                yield found(value, "lint-module", "pause asks a person; use a manual step of the runbook")
        if module == "get_url" and not _CHECKSUM.fullmatch(scalar_of(arguments.get("checksum")) or ""):
            where = arguments.get("checksum") or arguments.get("url")
            if where is not None:
                yield found(where, "lint-module", "get_url needs its checksum, as sha256: and the digits")

    def _with(self, name: str, node: yaml.Node) -> Iterator[Found]:
        yield from self._values(node)
        terms = (
            [scalar_of(each) for each in entries_of(node)] if isinstance(node, yaml.SequenceNode) else [scalar_of(node)]
        )
        problem = looked_up(name.removeprefix("with_"), terms, set())
        if problem is not None:
            yield found(node, "lint-lookup", f"{name} {problem}")

    def _keyword(self, name: str, node: yaml.Node) -> Iterator[Found]:
        if name in words.EXPRESSIONS:
            yield from self._expressions(node)
        elif name == "vars":
            if not isinstance(node, yaml.MappingNode):
                yield found(node, "lint-variable", "computes its variables; write a mapping")
            else:
                yield from self._variables(node)
        elif name in ("register", "loop_control"):
            named = [node] if name == "register" else [fields_of(node).get(each) for each in _LOOP_NAMES]
            for each in named:
                text = scalar_of(each)
                if each is not None and text is not None and _is_ansibles(text):
                    yield _sets(each, text)
            yield from self._values(node)
        else:
            yield from self._values(node)

    def _variables(self, node: yaml.MappingNode) -> Iterator[Found]:
        for name, value in fields_of(node).items():
            if _is_ansibles(name):
                yield _sets(value, name)
            yield from self._values(value)

    def _expressions(self, node: yaml.Node) -> Iterator[Found]:
        for each in entries_of(node) or [node]:
            text = scalar_of(each)
            if text is None or each.tag in LITERAL:
                yield found(each, "lint-template", "is no expression that can be read; write it as a text")
            elif each.tag == f"{PLAIN}str":
                yield from found_in(each, "lint-template", expression_problems(text))

    def _values(self, node: yaml.Node) -> Iterator[Found]:
        """Look at every text below a value; those marked !unsafe and !vault are never taken for templates."""
        if isinstance(node, yaml.ScalarNode):
            if node.tag not in LITERAL and is_template(node.value):
                yield from found_in(node, "lint-template", template_problems(node.value))
        elif isinstance(node, yaml.MappingNode):
            for _, value in node.value:
                yield from self._values(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                yield from self._values(value)


def _read_problem(node: yaml.Node | None) -> str | None:
    """Say what is wrong with a path of tasks, plays or variables, which must be a file that this lint reads as such."""
    path = scalar_of(node)
    problem = path_problem(path)
    if problem is None and path is not None:
        parts = path.split("/")
        if not path.endswith((".yml", ".yaml", ".json")) or {"files", "templates", "checks"} & set(parts[:-1]):
            return f"names '{visible(path, limit=60)}', which the lint does not read as that; end it with .yml"
    return problem


def _is_ansibles(name: str) -> bool:
    return name.startswith("ansible_") or is_template(name)


def _sets(node: yaml.Node, name: str) -> Found:
    return found(node, "lint-variable", f"sets '{visible(name, limit=40)}', by which Ansible connects and runs")


def _refused_keyword(name: str, node: yaml.Node) -> Found:
    why = words.REFUSED_KEYWORDS.get(name, "is not known to the lint here; variables stand under vars")
    return found(node, "lint-keyword", f"'{visible(name, limit=40)}' {why}")
