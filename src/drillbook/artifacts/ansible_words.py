"""What of ansible-core 2.19 a sealed playbook may use: modules, keywords and lookups, by their short names.

Lists of what is allowed, not of what is forbidden: what is new, or comes from a collection of this machine (which
is not sealed), is refused until somebody has thought about it.
"""

from __future__ import annotations

MODULES = frozenset(
    {
        "apt", "assemble", "assert", "async_status", "blockinfile", "command", "copy", "cron", "debconf", "debug",
        "dnf", "dnf5", "dpkg_selections", "fail", "file", "find", "gather_facts", "get_url", "getent", "group",
        "hostname", "import_role", "import_tasks", "include_role", "include_tasks", "include_vars", "iptables",
        "known_hosts", "lineinfile", "meta", "mount_facts", "package", "package_facts", "pause", "ping", "raw",
        "reboot", "replace", "service", "service_facts", "set_fact", "set_stats", "setup", "shell", "slurp", "stat",
        "systemd", "systemd_service", "sysvinit", "tempfile", "template", "unarchive", "user", "validate_argument_spec",
        "wait_for", "wait_for_connection",
    }
)  # fmt: skip

REFUSED_MODULES = {
    "add_host": "adds hosts that the plan does not name",
    "apt_key": "fetches a key",
    "apt_repository": "adds a source to fetch from",
    "deb822_repository": "adds a source to fetch from",
    "expect": "answers prompts by patterns; use command with stdin",
    "fetch": "writes files of a host onto the machine that runs it",
    "git": "fetches what is there at the time of the run",
    "group_by": "chooses hosts at the time of the run",
    "import_playbook": "stands at the top of a playbook, not among tasks",
    "pip": "fetches what is there at the time of the run",
    "rpm_key": "fetches a key",
    "script": "runs a file whose text no reader of the step sees; use a step with script, or shell",
    "subversion": "fetches what is there at the time of the run",
    "uri": "asks a server at the time of the run",
    "yum_repository": "adds a source to fetch from",
}

FREE_FORM = frozenset({"command", "shell", "raw", "meta", "include_tasks", "import_tasks", "include_vars"})
"""Modules whose arguments may be one text; the reader sees what it is."""

INCLUDES = {
    "include_tasks": "file", "import_tasks": "file", "include_vars": "file",
    "include_role": "name", "import_role": "name",
}  # fmt: skip

_EVERYWHERE = {
    "any_errors_fatal", "become", "become_exe", "become_flags", "become_method", "become_user", "check_mode", "diff",
    "environment", "ignore_errors", "ignore_unreachable", "name", "no_log", "run_once", "tags", "throttle", "timeout",
    "vars",
}  # fmt: skip
PLAY = frozenset(
    {*_EVERYWHERE, "fact_path", "force_handlers", "gather_facts", "gather_subset", "gather_timeout", "handlers",
     "hosts", "max_fail_percentage", "order", "post_tasks", "pre_tasks", "roles", "serial", "strategy", "tasks",
     "vars_files"}
)  # fmt: skip
BLOCK = frozenset({*_EVERYWHERE, "block", "rescue", "always", "notify", "when"})
ROLE = frozenset({*_EVERYWHERE, "role", "when"})
TASK = frozenset(
    {*_EVERYWHERE, "args", "async", "changed_when", "delay", "failed_when", "listen", "loop", "loop_control", "notify",
     "poll", "register", "retries", "until", "when"}
)  # fmt: skip

REFUSED_KEYWORDS = {
    "action": "names its module as a value; write the module as the key",
    "local_action": "acts on the machine that runs it",
    "delegate_to": "acts on another host than the step's own; write a step for that host",
    "delegate_facts": "belongs to delegate_to, which is not allowed",
    "connection": "can reach another machine than the host that was approved, or this one",
    "remote_user": "logs in as another account than the CMDB's",
    "port": "reaches another port than the CMDB's",
    "collections": "looks for modules outside the sealed copy",
    "module_defaults": "changes what modules do, far from where they are read",
    "debugger": "waits for commands",
    "vars_prompt": "asks for values at the time of the run; give them as parameters of the runbook",
}

EXPRESSIONS = frozenset({"when", "changed_when", "failed_when", "until"})
"""Keywords whose text is an expression without braces."""

LOOKUPS = frozenset(
    {"dict", "file", "indexed_items", "inventory_hostnames", "items", "list", "nested", "sequence", "subelements",
     "template", "together", "varnames", "vars"}
)  # fmt: skip
FILE_LOOKUPS = frozenset({"file", "template"})
LOOKUP_OPTIONS = frozenset({"wantlist", "errors", "default", "convert_data", "rstrip", "lstrip", "trim_blocks"})
DELIMITERS = ("variable_start", "variable_end", "block_start", "block_end", "comment_start", "comment_end")

REFUSED_FILTERS = {
    "expanduser": "reads this machine",
    "expandvars": "reads the environment of this machine",
    "fileglob": "lists files of this machine",
    "realpath": "reads this machine",
    "random": "gives another value at each run",
    "shuffle": "gives another order at each run",
    "unvault": "needs a secret of this machine",
    "vault": "gives another value at each run",
    "attr": "reaches what an expression hides",
}
REFUSED_TESTS = frozenset(
    {"directory", "is_dir", "exists", "file", "is_file", "link", "is_link", "link_exists", "mount", "is_mount",
     "same_file", "is_same_file", "vaulted_file"}
)  # fmt: skip


def short(name: str) -> str:
    """Give the name without ``ansible.builtin.``; a name of another collection stays as it is."""
    for prefix in ("ansible.builtin.", "ansible.legacy."):
        if name.startswith(prefix):
            return name[len(prefix) :]
    return name
