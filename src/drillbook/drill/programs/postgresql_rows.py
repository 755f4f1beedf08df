"""Reads which of a run's rows are in the database; prints them as ranges of numbers.

A program of its own for the probe host: Python 3.11, psycopg2 and ``attempts.py`` beside it. Options: run, address,
port, database, user, passfile, limit_s. It prints one JSON object:

    {"writers": {"users": [[1, 400], [403, 900]]}, "rows": 898, "duplicates": 0,
     "in_recovery": false, "timeline": 2}
"""

from __future__ import annotations

from contextlib import closing
from typing import Any

import psycopg2
from attempts import main_rows, ranges


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
        "writers": {writer: ranges(numbers) for writer, numbers in writers.items()},
        "rows": rows,
        "duplicates": rows - sum(len(set(numbers)) for numbers in writers.values()),
        "in_recovery": in_recovery,
        "timeline": timeline,
    }


if __name__ == "__main__":
    main_rows(read, (psycopg2.Error,))
