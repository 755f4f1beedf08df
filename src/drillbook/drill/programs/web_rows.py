"""Reads which of a run's files a web server has, whole; prints them as ranges of numbers.

A program of its own for the probe host: Python 3.11 and what lies beside it. Options: run, address, port, base,
limit_s. The server lists a folder as JSON (nginx: ``autoindex_format json``); a file of another size than
``web_writer.py`` gave it is not whole, and so not there.
"""

from __future__ import annotations

import json
import time
from typing import Any

from attempts import main_rows, survivors
from http_wire import ask
from wire import ClosedError, NoAnswerError, Wire

OK, NOT_THERE = 200, 404


def read(options: dict[str, Any]) -> dict[str, Any]:
    """Give what the module describes. Raises ValueError, KeyError, OSError, NoAnswerError, ClosedError."""
    deadline = time.monotonic_ns() + int(options["limit_s"] * 1_000_000_000)
    wire = Wire(options["address"], options["port"], deadline)
    request = f"GET {options['base']} HTTP/1.1\r\nHost: {options['address']}\r\nConnection: close\r\n\r\n"
    answer = ask(wire, request.encode("ascii"), deadline)
    wire.close()
    if answer.status == NOT_THERE:  # nobody has put anything there yet
        listed = []
    elif answer.status == OK:
        listed = json.loads(answer.body)
    else:
        raise ValueError(f"the server answers with status {answer.status}")
    whole = [each["name"] for each in listed if each.get("size") == len(each["name"])]
    found: dict[str, Any] = survivors(whole, options["run"])
    return found


if __name__ == "__main__":
    main_rows(read, (NoAnswerError, ClosedError))
