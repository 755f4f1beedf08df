"""Words that promote a standby or switch a host off, wherever they stand in a command.

They find what is not labelled, so that it is fenced like every other promotion. They over-estimate:
a word too many costs an author another word, a word too few two primaries.
"""

from __future__ import annotations

import re

_PROMOTES = re.compile(
    r"""
      pg_promote
    | (?<![a-z])promote(?![a-z])
    | promote_trigger_file | (?<![a-z_])trigger_file
    | patronictl\b.*\b(?:failover|switchover)
    | \b(?:rm|unlink|mv|truncate|shred)\b[^\n]*\b(?:standby|recovery)\.signal
    | \b(?:rm|unlink|mv)\b[^\n]*\brecovery\.conf
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SIGNAL_FILE = re.compile(r"\b(?:standby|recovery)\.signal\b")
_ABSENT = re.compile(r"\bstate\s*[:=]\s*['\"]?absent")
_TASK = re.compile(r"^\s*-\s", re.MULTILINE)
_COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
_IN_A_CHECK = re.compile(r"pg_promote|pg_ctl(?:cluster)?\b.*\bpromote\b", re.IGNORECASE)

_SWITCHES_OFF = re.compile(
    r"""
      (?<![\w.-])(?:poweroff|halt|shutdown|telinit|kexec)(?![\w.-])
    | \binit\s+0\b
    | \bpower\s+(?:off|soft|down|cycle)\b | \bchassis\s+power\b
    | \bResetType\b | \bsysrq\b | /proc/sysrq-trigger
    | \bisolate\s+(?:poweroff|halt|rescue|shutdown)
    """,
    re.IGNORECASE | re.VERBOSE,
)


def promoting_words(command: str) -> str | None:
    """Give the words in a command, script or SQL text that promote a standby, or None."""
    return _first(_PROMOTES, command)


def promoting_words_in_playbook(text: str) -> str | None:
    """Give the words in a file of Ansible, comments left out, that promote a standby, or None."""
    text = _COMMENT.sub("", text)
    found = promoting_words(text)
    if found:
        return found
    for task in _TASK.split(text):
        signal = _SIGNAL_FILE.search(task)
        if signal and _ABSENT.search(task):
            return f"{signal.group()} … absent"
    return None


def promoting_words_in_check(text: str) -> str | None:
    """Give the words in a constant text of a check that promote a standby, or None."""
    return _first(_IN_A_CHECK, text)


def words_that_switch_off(command: str) -> str | None:
    """Give the words in a command or script that switch a host off, or None."""
    return _first(_SWITCHES_OFF, command)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return " ".join(found.group().split())[:60] if found else None
