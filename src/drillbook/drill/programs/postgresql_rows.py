"""Reads which of a run's rows are in the database; prints them as ranges of numbers.

A program of its own for the probe host: Python 3.11 and psycopg2, nothing else. It takes one argument, a
JSON object: run, address, port, database, user, passfile, limit_s (it ends by then, whatever happens).
It prints one JSON object:

    {"writers": {"users": [[1, 400], [403, 900]]}, "rows": 898, "duplicates": 0,
     "in_recovery": false, "timeline": 2}
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import closing
from typing import Any

import psycopg2


def compact(numbers: list[int]) -> list[list[int]]:
    """Give the ranges, both ends included, of numbers that are sorted."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number <= ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def read(options: dict[str, Any]) -> dict[str, Any]:
    """Give what the module describes. Raises psycopg2.Error."""
    connection = psycopg2.connect(
        hostaddr=options["address"], port=options["port"], dbname=options["database"],
        user=options["user"], passfile=options["passfile"], application_name="drillbook_rows",
        sslmode="disable", gssencmode="disable", connect_timeout=2,
    )  # fmt: skip
    with closing(connection), connection.cursor() as cursor:
        connection.set_session(readonly=True, isolation_level="REPEATABLE READ")
        cursor.execute("select writer, seq from drillbook_probe where run = %s order by writer, seq", (options["run"],))
        writers: dict[str, list[int]] = {}
        for writer, seq in cursor:
            writers.setdefault(writer, []).append(seq)
        cursor.execute("select pg_is_in_recovery(), (select timeline_id from pg_control_checkpoint())")
        (in_recovery, timeline) = cursor.fetchone()
    rows = sum(map(len, writers.values()))
    return {
        "writers": {writer: compact(numbers) for writer, numbers in writers.items()},
        "rows": rows,
        "duplicates": rows - sum(len(set(numbers)) for numbers in writers.values()),
        "in_recovery": in_recovery,
        "timeline": timeline,
    }


def main() -> None:
    """See the module."""
    options = json.loads(sys.argv[1])
    signal.alarm(int(options["limit_s"]) + 1)  # ends the process, even inside libpq
    try:
        found = read(options)
    except psycopg2.Error as error:
        sys.exit(" ".join(str(error).split()))
    sys.stdout.write(json.dumps(found, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
