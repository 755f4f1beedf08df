"""Fetches a page through a proxy every so often, as a user does, and notes what became of each request.

A program of its own for the probe host: Python 3.11 and what lies beside it (``attempts.py`` has the loop and what the
options mean). Of its own it needs: port, origin (the page, ``http://...``). Each request is another one for the proxy,
so that a page that it has kept does not hide that it cannot reach anything any more. Nothing is kept for users.
"""

from __future__ import annotations

from typing import Any

from attempts import main
from web_client import WebClient

OK = (200,)


class Reader:
    """One connection at a time, one page at a time."""

    crowded = False

    def __init__(self, options: dict[str, Any]) -> None:
        """Take the options; nothing is sent."""
        self.options = options
        self.client = WebClient(options)

    def attempt(self, seq: int) -> tuple[int, str, str]:
        """See ``attempts.Client``."""
        origin = self.options["origin"]
        host = origin.partition("://")[2].partition("/")[0]
        page = f"{origin}?{self.options['run']}.{self.options['writer']}.{seq}"
        sent, out, err = self.client.send(f"GET {page} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode("ascii"), OK)
        return sent, "refused" if out == "unknown" and err.startswith("http_") else out, err


if __name__ == "__main__":
    main(Reader)
