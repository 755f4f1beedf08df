"""Reads by IMAP, as a user would, which of a run's messages are in the mailbox; prints them as ranges of numbers.

A program of its own for the probe host: Python 3.11, ``attempts.py`` beside it. Options: run, address, imap_port,
secrets, secret, limit_s. Only the inbox is read; a message that is there twice counts as a duplicate. It prints one
JSON object:

    {"writers": {"users": [[1, 400], [403, 900]]}, "rows": 898, "duplicates": 0}
"""

from __future__ import annotations

import imaplib
from typing import Any

from attempts import login, main_rows, survivors

_AT_ONCE = 500  # messages in one command: a server may bound the length of a line


def read(options: dict[str, Any]) -> dict[str, Any]:
    """Give what the module describes. Raises OSError, ``imaplib.IMAP4.error``."""
    account = login(options)
    with imaplib.IMAP4(options["address"], options["imap_port"], timeout=options["limit_s"]) as server:
        server.login(account["user"], account["password"])
        server.select("INBOX", readonly=True)
        # Searched for in the subjects by the run, so that what lies there since years is not fetched.
        _, found = server.uid("SEARCH", "SUBJECT", f'"{options["run"]}."')
        uids = found[0].split() if found[0] else []
        subjects: list[str] = []
        for start in range(0, len(uids), _AT_ONCE):
            some = b",".join(uids[start : start + _AT_ONCE]).decode()
            _, parts = server.uid("FETCH", some, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            subjects += [
                part[1].decode("ascii", "replace").partition(":")[2].strip()
                for part in parts
                if isinstance(part, tuple)
            ]
    there: dict[str, Any] = survivors(subjects, options["run"])
    return there


if __name__ == "__main__":
    main_rows(read, (imaplib.IMAP4.error,))
