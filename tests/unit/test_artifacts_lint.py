"""The lint of a sealed tree: what it refuses, where, and that it lets the usual pass."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drillbook.artifacts import ansible_words as words
from drillbook.artifacts.lint import lint
from drillbook.artifacts.seal import digest_of
from drillbook.errors import InvalidInput

ROOT = Path(__file__).parents[2]

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
"""


def _tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "playbooks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root / "playbooks"


def _found(root: Path, files: dict[str, str]) -> list[tuple[int, str]]:
    return [(each.line, each.rule) for each in lint(_tree(root, files))]


def test_what_ships_passes() -> None:
    assert lint(ROOT / "playbooks") == []


REFUSED_TASKS = [
    ("- ansible.builtin.uri: {url: 'http://198.18.0.1/'}", "lint-module"),
    ("- uri: {url: 'http://198.18.0.1/'}", "lint-module"),
    ("- ansible.legacy.uri: {url: 'http://198.18.0.1/'}", "lint-module"),
    ("- get_url: {url: 'http://198.18.0.1/x', dest: /tmp/x}", "lint-module"),
    ("- get_url: {url: 'http://198.18.0.1/x', dest: /tmp/x, checksum: 'sha256:{{ sum }}'}", "lint-module"),
    ("- get_url: {url: 'http://198.18.0.1/x', dest: /tmp/x, checksum: 'sha256:http://198.18.0.1/sums'}", "lint-module"),
    ("- git: {repo: 'https://198.18.0.1/x.git', dest: /opt/x}", "lint-module"),
    ("- script: files/run.sh", "lint-module"),
    ("- fetch: {src: /etc/shadow, dest: /tmp}", "lint-module"),
    ("- add_host: {name: other}", "lint-module"),
    ("- community.general.ini_file: {path: /etc/x}", "lint-module"),
    ("- no_such_module: {}", "lint-module"),
    ("- {command: id, shell: id}", "lint-module"),
    ("- name: nothing", "lint-module"),
    ("- copy: src=a dest=b", "lint-module"),
    ("- copy: '{{ everything }}'", "lint-module"),
    ("- {command: id, args: '{{ everything }}'}", "lint-module"),
    ("- pause: {prompt: go on}", "lint-module"),
    ("- apt: {deb: 'http://198.18.0.1/x.deb'}", "lint-module"),
    ("- unarchive: {src: 'http://198.18.0.1/x.tar', dest: /opt, remote_src: true}", "lint-path"),
    ("- unarchive: {src: 'http://198.18.0.1/x.tar', dest: /opt}", "lint-path"),
    ("- action: uri url=http://198.18.0.1/", "lint-keyword"),
    ("- {local_action: command id}", "lint-keyword"),
    ("- {command: id, delegate_to: localhost}", "lint-keyword"),
    ("- {command: id, delegate_to: '{{ other }}'}", "lint-keyword"),
    ("- {command: id, connection: local}", "lint-keyword"),
    ("- {command: id, remote_user: other}", "lint-keyword"),
    ("- {command: id, collections: [community.general]}", "lint-keyword"),
    ("- {command: id, module_defaults: {copy: {src: /etc/passwd}}}", "lint-keyword"),
    ("- block: [{command: id, delegate_to: localhost}]", "lint-keyword"),
    ("- {block: [{command: id}], connection: local}", "lint-keyword"),
    ("- {block: [{command: id}], rescue: [{uri: {}}]}", "lint-module"),
    ("- {block: [{command: id}], uri: {}}", "lint-keyword"),
    ("- {command: id, vars: {ansible_connection: local}}", "lint-variable"),
    ("- set_fact: {ansible_host: 198.18.0.1}", "lint-variable"),
    ("- {command: id, register: ansible_connection}", "lint-variable"),
    ("- {command: id, loop: [local], loop_control: {loop_var: ansible_connection}}", "lint-variable"),
    ("- set_fact: {'{{ name }}': local}", "lint-yaml"),
    ("- include_vars: {file: x.yml, name: ansible_facts}", "lint-variable"),
    ("- {command: id, vars: '{{ all_of_it }}'}", "lint-variable"),
    ("- include_tasks: '{{ which }}.yml'", "lint-path"),
    ("- import_tasks: {file: ../../../tmp/x.yml}", "lint-path"),
    ("- include_tasks: /tmp/x.yml", "lint-path"),
    ("- include_tasks: files/x.yml", "lint-path"),
    ("- include_tasks: x.txt", "lint-path"),
    ("- include_tasks: {file: x.yml, apply: {delegate_to: localhost}}", "lint-keyword"),
    ("- include_vars: {dir: vars}", "lint-path"),
    ("- include_role: {name: '{{ which }}'}", "lint-path"),
    ("- include_role: {name: not_there}", "lint-path"),
    ("- import_role: {name: community.general.x}", "lint-path"),
    ("- include_role: {name: here, tasks_from: '{{ which }}'}", "lint-path"),
    ("- template: {src: '{{ which }}.j2', dest: /x}", "lint-path"),
    ("- template: {src: /etc/passwd, dest: /x}", "lint-path"),
    ("- template: {src: ../x.j2, dest: /x}", "lint-path"),
    ("- template: {src: x.txt, dest: /x}", "lint-path"),
    ("- {template: {src: '{{ item }}.j2', dest: /x}, loop: '{{ which }}'}", "lint-path"),
    ("- {template: {src: '{{ item }}.j2', dest: /x}, loop: [a, /etc/b]}", "lint-path"),
    ("- {template: {src: '{{ item }}.j2', dest: /x}, loop: [a, '{{ b }}']}", "lint-path"),
    ("- {template: {src: '{{ item.src }}', dest: /x}, loop: [{src: a.j2}, {dst: b.j2}]}", "lint-path"),
    ("- template: {src: x.j2, dest: /x, variable_start_string: '[['}", "lint-template"),
    ("- copy: {src: /home/somebody/.ssh/id_ed25519, dest: /x}", "lint-path"),
    ("- copy: {src: '~/x', dest: /x}", "lint-path"),
    ('- copy: {src: x, dest: \'{{ lookup("pipe", "id") }}\'}', "lint-template"),
    ("- {command: id, with_pipe: id}", "lint-lookup"),
    ("- {command: id, with_url: 'http://198.18.0.1/'}", "lint-lookup"),
    ("- {command: id, with_env: HOME}", "lint-lookup"),
    ("- {command: id, with_ansible.builtin.lines: [id]}", "lint-lookup"),
    ("- {command: id, with_file: /etc/passwd}", "lint-lookup"),
    ("- {command: id, with_first_found: [a]}", "lint-lookup"),
    ("- {command: id, when: \"lookup('pipe', 'id') == 'x'\"}", "lint-template"),
    ("- {command: id, when: ['a == 1', \"query('env', 'HOME')\"]}", "lint-template"),
    ("- {command: id, when: '{{ x }}'}", "lint-template"),
    ("- {command: id, when: !unsafe \"lookup('pipe', 'id')\"}", "lint-template"),
    ("- {command: id, until: \"lookup('pipe', 'id')\"}", "lint-template"),
    ("- {command: id, changed_when: 'a ==', register: a}", "lint-template"),
    ("- assert: {that: [\"lookup('pipe', 'id')\"]}", "lint-template"),
    ("- debug: {var: \"lookup('pipe', 'id')\"}", "lint-template"),
    ("- {command: id, environment: {X: \"{{ lookup('env', 'X') }}\"}}", "lint-template"),
    ("- {command: &a id, notify: *a}", "lint-yaml"),
    ("- {command: id, command: uri}", "lint-yaml"),
    ("- {command: id, <<: {delegate_to: localhost}}", "lint-yaml"),
    ("- command: !!python/object/apply:os.system [id]", "lint-yaml"),
    ("- command: !lookup x", "lint-yaml"),
    ("- just text", "lint-yaml"),
    ("- command: [}", "lint-yaml"),
    ("- command: " + "[" * 60 + "]" * 60, "lint-yaml"),
]


@pytest.mark.parametrize(("task", "rule"), REFUSED_TASKS, ids=[task[:70] for task, _ in REFUSED_TASKS])
def test_a_task_is_refused_at_its_line(task: str, rule: str, tmp_path: Path) -> None:
    files = {"play.yml": f"{PLAY}    {task}\n", "roles/here/tasks/main.yml": "- command: id\n"}
    assert _found(tmp_path, files) == [(4, rule)]
    assert lint(tmp_path / "playbooks")[0].file == "playbooks/play.yml"
    # and wherever tasks can stand
    (tmp_path / "playbooks/play.yml").unlink()
    assert _found(tmp_path, {"roles/here/handlers/main": f"{task}\n"}) == [(1, rule)]


TEMPLATES = [
    "{{ lookup('pipe', 'id') }}",
    "{{ lookup('ansible.builtin.url', 'http://198.18.0.1/') }}",
    "{{ query('env', 'HOME') }}",
    "{{ q('password', '/tmp/x') }}",
    "{{ lookup('pi' ~ 'pe', 'id') }}",
    "{{ lookup(which, 'id') }}",
    "{{ lookup(*all) }}",
    "{{ lookup('file', '/etc/passwd') }}",
    "{{ lookup('file', '../../x') }}",
    "{{ lookup('file', which) }}",
    "{{ lookup('template', 'x.txt') }}",
    "{{ lookup('template', 'x.j2', variable_start_string='[[') }}",
    "{{ lookup('unvault', 'x') }}",
    "{{ lookup('community.general.x', 'y') }}",
    "{% set f = lookup %}{{ f('pipe', 'id') }}",
    "{{ [lookup][0]('pipe', 'id') }}",
    "{% if lookup('env', 'X') %}x{% endif %}",
    "{% for x in query('lines', 'id') %}{{ x }}{% endfor %}",
    "{% include which %}",
    "{% include '/etc/passwd' %}",
    "{% import '../x.j2' as x %}",
    "{% from 'x.txt' import y %}",
    "{% extends '~/x.j2' %}",
    "{{ 'x'.__class__ }}",
    "{{ 'x'['__class__'] }}",
    "{{ x | map(attribute='__class__') }}",
    "{{ x | attr('y') }}",
    "{{ '$HOME' | expandvars }}",
    "{{ '*' | ansible.builtin.fileglob }}",
    "{{ 10 | random }}",
    "{{ x | community.general.y }}",
    "{{ [10] | map('random') }}",
    "{{ ['$HOME'] | map('ansible.builtin.expandvars') }}",
    "{{ x | map(which) }}",
    "{{ x | map('community.general.y') }}",
    "{{ x | select('file') }}",
    "{{ x | selectattr('path', 'exists') }}",
    "{{ x | rejectattr('path', which) }}",
    "{{ now() }}",
    "{{ '/etc/passwd' is file }}",
    "{{ x is community.general.y }}",
    "{{ x",
    "{% nothing %}",
]


@pytest.mark.parametrize("template", TEMPLATES, ids=[each[:60] for each in TEMPLATES])
def test_a_template_is_refused_wherever_it_stands(template: str, tmp_path: Path) -> None:
    text = f"first line\n{template}\n"
    assert _found(tmp_path, {"roles/a/templates/x.conf.j2": text}) == [(2, "lint-template")]
    shutil.rmtree(tmp_path / "playbooks")
    assert _found(tmp_path, {"roles/a/templates/x.conf": text}) == [(2, "lint-template")]
    shutil.rmtree(tmp_path / "playbooks")
    indented = text.replace("\n", "\n  ")
    assert _found(tmp_path, {"roles/a/vars/main.yml": f"x: |\n  {indented}\n"}) == [(3, "lint-template")]


def test_a_template_that_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    text = "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}"
    assert _found(tmp_path, {"templates/x.j2": text}) == [(1, "lint-template")]


PLACES = {
    "ansible.cfg": "[defaults]\n",
    "roles/a/library/x.py": "",
    "library/copy.py": "",
    "lookup_plugins/x.py": "",
    "roles/a/filter_plugins/x.py": "",
    "module_utils/x.py": "",
    "collections/ansible_collections/a/b/galaxy.yml": "",
    "inventory/hosts.yml": "all: {}\n",
    "roles/a/x.py": "",
    "hosts.ini": "",
    "roles/a/tasks.sh": "",
}


@pytest.mark.parametrize("name", PLACES)
def test_a_file_where_ansible_would_look_for_more_is_refused(name: str, tmp_path: Path) -> None:
    assert _found(tmp_path, {name: PLACES[name]}) == [(1, "lint-place")]


def test_what_is_copied_as_it_is_may_be_anything(tmp_path: Path) -> None:
    tree = _tree(tmp_path, {"roles/a/files/x.sh": "#!/bin/sh\n", "files/data.yml": "[", "README.md": "{{ x"})
    (tree / "roles/a/files/x.sh").chmod(0o755)
    (tree / "roles/a/files/binary").write_bytes(b"\xff\x00")
    assert lint(tree) == []


def test_a_program_a_binary_and_a_large_file_are_refused_elsewhere(tmp_path: Path) -> None:
    tree = _tree(tmp_path, {"a.yml": "- hosts: all\n", "c.yml": "#" * (1024 * 1024 + 1)})
    (tree / "a.yml").chmod(0o755)
    (tree / "b.yml").write_bytes(b"\xff")
    assert [(each.file, each.rule) for each in lint(tree)] == [
        ("playbooks/a.yml", "lint-place"), ("playbooks/b.yml", "lint-place"), ("playbooks/c.yml", "lint-place"),
    ]  # fmt: skip


PLAYS = [
    ("- hosts: localhost", "lint-host"),
    ("- hosts: [all, '127.0.0.1']", "lint-host"),
    ("- hosts: 'all:LOCALHOST'", "lint-host"),
    ("- hosts: '{{ which }}'", "lint-host"),
    ("- {hosts: all, connection: local}", "lint-keyword"),
    ("- {hosts: all, vars_prompt: [{name: x}]}", "lint-keyword"),
    ("- {hosts: all, vars_files: ['{{ x }}.yml']}", "lint-path"),
    ("- {hosts: all, vars_files: [/etc/x.yml]}", "lint-path"),
    ("- {hosts: all, roles: ['{{ x }}']}", "lint-path"),
    ("- {hosts: all, roles: [not_there]}", "lint-path"),
    ("- {hosts: all, roles: [{role: here, delegate_to: localhost}]}", "lint-keyword"),
    ("- {hosts: all, roles: [{role: here, surprising: 1}]}", "lint-keyword"),
    ("- {hosts: all, strategy: debug}", "lint-keyword"),
    ("- {hosts: all, unknown: 1}", "lint-keyword"),
    ("- import_playbook: '{{ x }}'", "lint-path"),
    ("- ansible.builtin.import_playbook: /tmp/x.yml", "lint-path"),
    ("- {import_playbook: x.yml, tasks: []}", "lint-keyword"),
    ("text", "lint-yaml"),
]


@pytest.mark.parametrize(("play", "rule"), PLAYS, ids=[play for play, _ in PLAYS])
def test_a_play_is_refused(play: str, rule: str, tmp_path: Path) -> None:
    files = {"play.yml": play + "\n", "roles/here/meta/main.yml": "dependencies: []\n"}
    assert _found(tmp_path, files) == [(1, rule)]


def test_dependencies_of_a_role_are_roles_of_the_tree(tmp_path: Path) -> None:
    files = {
        "roles/a/meta/main.yml": "dependencies:\n  - role: b\n  - {role: elsewhere}\n",
        "roles/b/vars/main": "x: 1\n",
    }
    assert _found(tmp_path, files) == [(3, "lint-path")]


def test_two_documents_and_an_empty_file(tmp_path: Path) -> None:
    assert _found(tmp_path, {"a.yml": "---\n- hosts: all\n---\n- hosts: all\n", "b.yml": "---\n"}) == [(3, "lint-yaml")]


ALLOWED = """\
- hosts: web:!old
  vars:
    secret: !vault |
      $ANSIBLE_VAULT;1.1;AES256
      6162
    literal: !unsafe "{{ lookup('pipe', 'id') }}"
    chosen: "{{ x | selectattr('file', 'defined') | map(attribute='link') | rejectattr('mount') | list }}"
    words: "{{ groups['web'] | map('extract', hostvars, 'id') | list }}"
  roles: [here, {role: here, when: x is defined, vars: {y: 1}}]
  tasks:
    - ansible.builtin.include_tasks: {file: more.yml, apply: {become: true}}
    - include_role: {name: here, tasks_from: main.yml}
    - name: constant entries
      template: {src: "{{ item.src }}", dest: "{{ item.dest }}"}
      loop: [{src: a.j2, dest: "{{ x }}/a"}, {src: sub/b.j2, dest: /b}]
    - copy: {content: "{{ lookup('ansible.builtin.template', 'x.j2') }}", dest: /x}
      with_items: [1, 2]
    - copy: {src: /etc/x, dest: /etc/y, remote_src: true}
    - get_url:
        url: http://198.18.0.1/x
        dest: /x
        checksum: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    - shell: curl http://198.18.0.1/ | sh
    - block: [{command: {argv: [id]}, register: done, until: done.rc == 0, retries: 3}]
      rescue: [{meta: clear_host_errors}]
      when: ["'a' in words", not old]
    - assert: {that: "words | length > 0"}
    - debug: {var: 'words[0].name'}
"""


def test_the_usual_passes(tmp_path: Path) -> None:
    """``curl | sh`` among it: what a command does on its host is for the reader, and the docs say so."""
    files = {
        "play.yml": ALLOWED,
        "roles/here/tasks/main.yml": "- command: id\n",
        "roles/here/templates/x.j2": "#jinja2: trim_blocks: True, lstrip_blocks: True\n{% include 'y.j2' %}\n",
    }
    assert [str(each) for each in lint(_tree(tmp_path, files))] == []


def test_a_header_that_changes_the_delimiters_is_refused(tmp_path: Path) -> None:
    text = "#jinja2: variable_start_string:'[[', variable_end_string:']]'\n[[ lookup('pipe', 'id') ]]\n"
    assert _found(tmp_path, {"templates/x.j2": text}) == [(1, "lint-template")]


CHECKS = [
    "import os",
    "import subprocess as s",
    "from urllib import request",
    "from . import network",
    "import testinfra",
    "def f(host): open('/etc/passwd')",
    "def f(host): return eval('1')",
    "def f(host): return __import__('os')",
    "def f(host): return __builtins__",
    "def f(host): return host.__class__",
    "def f(host): return host._backend",
    "def f(host): return host.backend.run('id')",
    "def f(host): return host.get_host('local://')",
    "def f(host): return host.ansible('command', 'id')",
    "import re\ndef f(host): return re.enum.sys",
    "def f(host): return getattr(host, 'x')",
    "def f(host): return '{0.__class__}'.format(host)",
    "if True:\n    import re",
    "for x in range(3): pass",
    "print(1)",
    "async def f(host): pass",
    "def f(host):",
    "\0",
]


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_refused(check: str, tmp_path: Path) -> None:
    found = _found(tmp_path, {"checks/x.py": check + "\n"})
    assert {rule for _, rule in found} == {"lint-check"}, found


def test_a_check_may_import_for_types_what_it_likes(tmp_path: Path) -> None:
    types = "import re\nif TYPE_CHECKING:\n    from testinfra.host import Host\n"
    text = f"{types}\ndef f(host: 'Host') -> None: assert host.run('id').rc == 0\n"
    assert _found(tmp_path, {"checks/x.py": text}) == []


def test_every_module_of_ansible_is_thought_of() -> None:
    """A new ansible-core with a new module fails here, and somebody decides."""
    import ansible.modules

    theirs = {path.stem for path in Path(ansible.modules.__path__[0]).glob("*.py")} - {"__init__", "async_wrapper"}
    assert theirs == words.MODULES | set(words.REFUSED_MODULES)


def test_every_keyword_of_ansible_is_thought_of() -> None:
    from ansible.playbook.block import Block
    from ansible.playbook.handler import Handler
    from ansible.playbook.play import Play
    from ansible.playbook.role.include import RoleInclude
    from ansible.playbook.task import Task

    internal = {"async_val", "loop_with"}
    for kind, allowed in ((Play, words.PLAY), (Task, words.TASK), (Block, words.BLOCK), (RoleInclude, words.ROLE)):
        theirs = set(kind.fattributes) - internal
        assert not allowed - theirs - {"listen"}, f"{kind.__name__}: not Ansible's"
        assert not theirs - allowed - set(words.REFUSED_KEYWORDS), f"{kind.__name__}: neither allowed nor refused"
    assert "listen" in Handler.fattributes


def test_every_lookup_and_filter_that_is_named_is_ansibles() -> None:
    import ansible.plugins.lookup
    from ansible.plugins.loader import filter_loader, test_loader

    theirs = {path.stem for path in Path(ansible.plugins.lookup.__path__[0]).glob("*.py")}
    assert theirs >= words.LOOKUPS
    refused = {"config", "csvfile", "env", "fileglob", "first_found", "ini", "lines", "password", "pipe"}
    assert theirs - words.LOOKUPS - {"__init__"} == refused | {"random_choice", "unvault", "url"}
    for name in set(words.REFUSED_FILTERS) - {"attr"}:
        assert name == "random" or filter_loader.get(f"ansible.builtin.{name}") is not None, name
    for name in words.REFUSED_TESTS:
        assert test_loader.get(f"ansible.builtin.{name}") is not None, name


def test_links(tmp_path: Path) -> None:
    """One that leads outside is refused by the seal; one to a folder of the tree by the lint."""
    tree = _tree(tmp_path, {"roles/a/tasks/main.yml": "- command: id\n"})
    (tree / "roles/b").symlink_to("a")
    (tree / "other.yml").symlink_to("roles/a/tasks/main.yml")
    digest_of(tmp_path)
    assert [(each.file, each.rule) for each in lint(tree)] == [("playbooks/roles/b", "lint-place")]
    (tree / "outside.yml").symlink_to("/etc/hostname")
    with pytest.raises(InvalidInput) as refused:
        digest_of(tmp_path)
    assert "outside playbooks/" in refused.value.findings[0].message


def test_the_task_says_what_is_wrong_and_ends_with_3(tmp_path: Path) -> None:
    _tree(tmp_path, {"x.yml": "- hosts: localhost\n"})
    (tmp_path / "cmdb.yaml").write_text("organisation: X\n")
    (tmp_path / "tasks.py").write_text("from drillbook.tasks.all import ns\n__all__ = ['ns']\n")
    done = subprocess.run(
        [sys.executable, "-m", "invoke", "runbooks.lint"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "NO_COLOR": "1"}, timeout=60,
    )  # fmt: skip
    assert done.returncode == 3
    assert "playbooks/x.yml:1: lint-host:" in done.stderr
