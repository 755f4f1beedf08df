"""Checks of the snapshots that a spare is made from: each takes a testinfra host and looks at one thing.

They run on the repository's host and read what RB-STANDBY-SNAPSHOT notes there, in
``/var/lib/drillbook/snapshots/<protection>.jsonl``: one JSON object a line, the newest archive last, with

    archive       its name; another than a snapshot has is passed over
    id            borg's, since a name can be given again
    taken         when, in UTC, such as 2026-11-22T15:15:00Z; never later than the repository's host noted it
    came          when the repository's host first read it, in UTC: the holder's clock has no part in it
    holder        the item that it was taken of
    files, size, deduplicated   how many files, their bytes, and the bytes that were new
    verified      when it was read through the last time, in UTC
    ok            whether every file in it could be read and was what was written
    detail        if not, what was wrong
    seconds       how long the reading took
    segment       of the newest: the repository's last segment when all was done; what came later is not noted

Written whole each time, so that no line is ever half there.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from testinfra.host import Host

NOTES = "/var/lib/drillbook/snapshots"
_CLOCK = 60.0  # seconds that a clock may be set back by between two snapshots
AT_MOST = 3
"""As many archives as a restore may try."""
_SECONDS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?) (ms|s|min|h|d)")
_WRONG = 3
_OPENS = f"""
password=$(ssh -F /etc/drillbook/ssh/config -o BatchMode=yes -o ConnectTimeout=3 "secrets@$1" "$2" </dev/null)
[ -n "$password" ] || exit 1
cd /
printf '%s' "$password" | runuser -u "$3" -- env -i PATH=/usr/bin:/bin BORG_BASE_DIR="/var/cache/drillbook-$3" \\
    BORG_PASSPHRASE_FD=0 borg list --bypass-lock --short --last 1 "$4" 2>&1 >/dev/null |
    grep -q 'assphrase.*incorrect' && exit {_WRONG}
exit 0
"""
_ARCHIVE = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?\.[0-9]{8}T[0-9]{6}Z(-last)?")
"""An item's id and when it was taken, such as web-1.20261122T152249Z; a failback's own ends with -last."""


class CannotTell(Exception):
    """The host could not be asked, so nothing is known."""


def _seconds(duration: str) -> float:
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise CannotTell(f"'{duration}' is no duration such as 24 h")
    return float(found[1]) * _SECONDS[found[2]]


def _words(seconds: float) -> str:
    """Give an age for a person."""
    for name in ("d", "h", "min"):
        if seconds >= 2 * _SECONDS[name]:
            return f"{seconds / _SECONDS[name]:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def _notes(host: Host, protection: str) -> list[dict[str, Any]]:
    """Give what is known of each archive, the newest first, with its ``age`` in seconds by the host's own clock."""
    file = f"{NOTES}/{protection}.jsonl"
    done = host.run("date +%%s && if [ -e %s ]; then cat %s; fi", file, file)
    if done.rc != 0:
        raise CannotTell(f"the notes of {protection}'s snapshots cannot be read: {done.stderr.strip()}")
    now, *lines = done.stdout.splitlines()
    found: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(lines, 1):
        try:
            note = json.loads(line)
            archive, taken = note["archive"], datetime.fromisoformat(note["taken"]).timestamp()
            if not _ARCHIVE.fullmatch(archive):
                continue  # none of ours: what notes it says so
        except (ValueError, KeyError, TypeError):
            raise CannotTell(f"line {number} of {NOTES}/{protection}.jsonl is not what a snapshot notes") from None
        age = float(now) - taken
        if age < -_CLOCK:
            raise CannotTell(f"{archive} was taken {_words(-age)} from now, by this host's clock: its clock is wrong")
        verified = note.get("verified")
        since = None if verified is None else float(now) - datetime.fromisoformat(verified).timestamp()
        found[archive] = {**note, "age": age, "verified_age": since}
    return list(found.values())[::-1]


def newest_verified(host: Host, protection: str, max_age: str) -> dict[str, Any]:
    """Choose the archives to restore from: verified, not older than ``max_age``, the newest first, at most three.

    Gives ``{"value": [archive, …], "detail": …}``; the detail says how old the first is, and which newer ones are
    damaged or were never read.
    """
    notes = _notes(host, protection)
    limit = _seconds(max_age)
    assert notes, (
        f"there is no snapshot of {protection}; take one while its host lives: "
        f"./inv standby.snapshot --protection {protection}"
    )
    good = [note for note in notes if note.get("ok") is True]
    assert good, f"no snapshot of {protection} is verified; the newest: {_what_is_wrong(notes[0])}"
    fresh = [note for note in good if note["age"] <= limit]
    assert fresh, (
        f"the newest verified snapshot of {protection} is {_words(good[0]['age'])} old ({good[0]['archive']}), "
        f"and at most {max_age} is allowed{_passed_over(notes, good[0])}"
    )
    first = fresh[0]
    return {
        "value": [note["archive"] for note in fresh[:AT_MOST]],
        "detail": f"{first['archive']}, {_words(first['age'])} old, {first.get('files', '?')} files"
        f"{_passed_over(notes, first)}",
    }


def _passed_over(notes: list[dict[str, Any]], chosen: dict[str, Any]) -> str:
    newer = notes[: notes.index(chosen)]
    return "".join(f"; a newer one is passed over: {_what_is_wrong(note)}" for note in newer)


def _what_is_wrong(note: dict[str, Any]) -> str:
    if note.get("ok") is None:
        return f"{note['archive']} was never verified"
    return f"{note['archive']} is damaged: {note.get('detail') or 'it could not be read'}"


def is_verified(host: Host, protection: str, within: str) -> None:
    """The newest snapshot is verified, and was taken within that time."""
    notes = _notes(host, protection)
    assert notes, f"there is no snapshot of {protection}"
    assert notes[0].get("ok") is True, _what_is_wrong(notes[0])
    assert notes[0]["age"] <= _seconds(within), (
        f"the newest snapshot of {protection} is {_words(notes[0]['age'])} old; a new one did not arrive"
    )


def known(host: Host, protection: str) -> list[dict[str, Any]]:
    """Give all that is known of each archive, the newest first; ``age`` and ``verified_age`` in seconds."""
    return _notes(host, protection)


def holder(host: Host, protection: str) -> str:
    """On the witness: give the item that holds the role now."""
    done = host.run("cat %s", f"/srv/holders/{protection}")
    if done.rc != 0:
        raise CannotTell(f"who holds {protection} is not on record: {done.stderr.strip()}")
    return str(done.stdout).strip()


def password_place(host: Host, protection: str, address: str, account: str, repository: str) -> None:
    """The host at that address gives this one, the repository's, a password that opens the repository."""
    # Only what comes of it is looked at: the password itself stays on this host.
    done = host.run("sh -c %s sh %s %s %s %s", _OPENS, address, protection, account, repository)
    assert done.rc != _WRONG, "gives a wrong password"
    assert done.rc == 0, f"does not give the password: {(done.stderr.strip() or 'it said nothing').splitlines()[-1]}"
