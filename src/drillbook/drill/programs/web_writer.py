"""Puts a numbered file on a web server every so often, as an editor publishes, and notes what became of each.

A program of its own for the probe host: Python 3.11 and what lies beside it (``attempts.py`` has the loop and what the
options mean). Of its own it needs: port, base (the path that files are put below), secrets, secret. A file is
``RUN.WRITER.NUMBER`` and holds its own name, so that half a file is none.
"""

from __future__ import annotations

import base64
from typing import Any

from attempts import login, main
from web_client import WebClient

CREATED = (201, 204)


class Writer:
    """One connection at a time, one file at a time."""

    crowded = False

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the options, and read what to log in with; nothing is sent."""
        self.options = options
        self.client = WebClient(options)
        who = login(options)
        self.account = base64.b64encode(f"{who['user']}:{who['password']}".encode()).decode()

    def attempt(self, seq: int) -> tuple[int, str, str]:
        """See ``attempts.Client``."""
        name = f"{self.options['run']}.{self.options['writer']}.{seq}"
        request = (
            f"PUT {self.options['base']}{name} HTTP/1.1\r\nHost: {self.options['address']}\r\n"
            f"Authorization: Basic {self.account}\r\nContent-Length: {len(name)}\r\n\r\n{name}"
        )
        sent, out, err = self.client.send(request.encode("ascii"), CREATED)
        return sent, out, err


if __name__ == "__main__":
    main(Writer)
