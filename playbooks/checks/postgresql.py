"""Checks of a PostgreSQL pair: each takes a testinfra host and asserts one thing about it.

They only read. Each costs one command on the host, since some stand between an outage and its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testinfra.host import Host


class CannotTell(Exception):
    """The host could not be asked, so nothing is known."""


def _ask(host: Host, port: int, sql: str) -> str:
    """Give what psql prints for a statement, or fail with what it says."""
    # psql complains of a folder that postgres may not enter, such as root's own.
    done = host.run("cd / && runuser -u postgres -- psql -X -q -A -t -p %s -d postgres -c %s", str(port), sql)
    if done.rc != 0:
        raise CannotTell(f"PostgreSQL does not answer on port {port}: {done.stderr.strip()}")
    return str(done.stdout).strip()


def is_primary(host: Host, port: int) -> None:
    """It answers and takes writes."""
    assert _ask(host, port, "select pg_is_in_recovery()") == "f", "it is a standby, not a primary"


def is_standby(host: Host, port: int) -> None:
    """It answers and is in recovery."""
    assert _ask(host, port, "select pg_is_in_recovery()") == "t", "it is a primary, not a standby"


def is_streaming(host: Host, port: int) -> None:
    """It is a standby whose receiver streams now."""
    status = _ask(host, port, "select coalesce((select status from pg_stat_wal_receiver), 'no receiver')")
    assert status == "streaming", f"its receiver is not streaming: {status}"


def standby_is_streaming(host: Host, port: int, standby: str, lag_bytes: int) -> None:
    """On a primary: the named standby streams and is behind by less than ``lag_bytes``."""
    found = _ask(
        host,
        port,
        "select application_name || ' ' || state || ' ' ||"
        " coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 1e18) from pg_stat_replication",
    )
    lines = [line.split() for line in found.splitlines()]
    mine = [line for line in lines if line[0] == standby]
    assert mine, f"{standby} does not stream from here"
    assert mine[0][1] == "streaming", f"{standby} is in state {mine[0][1]}, not streaming"
    lag = int(float(mine[0][2]))
    assert lag < lag_bytes, f"{standby} is {lag} bytes behind, at most {lag_bytes} are allowed"


def replication_is(host: Host, port: int, standby: str, mode: str) -> None:
    """On a primary: the named standby streams, and writes wait for it just when ``mode`` is synchronous."""
    found = _ask(host, port, "select application_name || ' ' || state || ' ' || sync_state from pg_stat_replication")
    lines = [line.split() for line in found.splitlines()]
    wanted = "sync" if mode == "synchronous" else "async"
    assert [standby, "streaming", wanted] in lines, (
        f"{standby} should be streaming and {wanted}; replication here: {'; '.join(map(' '.join, lines)) or 'none'}"
    )


def stopped_cleanly(host: Host, unit: str, data_directory: str, bin_directory: str) -> None:
    """Its service is stopped, and its data say that it was shut down in order."""
    done = host.run(
        "systemctl is-active %s; %s/pg_controldata %s | grep '^Database cluster state:'",
        unit, bin_directory, data_directory,
    )  # fmt: skip
    lines = done.stdout.split("\n")
    assert lines[0] in ("inactive", "failed"), f"{unit} is {lines[0]}"
    state = lines[1].partition(":")[2].strip() if len(lines) > 1 else "unknown"
    assert state in ("shut down", "shut down in recovery"), f"its data say: {state}"


# Prints what psql says, then the last write-ahead record before the end of what was replayed. pg_waldump is
# given the file to begin in, on its newest timeline: told only a folder, it takes the size of segments from
# any file there, and one that is prepared for later is still empty.
_LAST_RECORD = r"""
cd / || exit
said=$(runuser -u postgres -- %s/psql -X -q -A -t -p %s -d postgres -c "
    with at as (select pg_last_wal_replay_lsn() as replayed, pg_last_wal_receive_lsn() as received,
                       pg_size_bytes(current_setting('wal_segment_size')) as size),
         start as (select greatest((replayed - '0/0') - 256, trunc((replayed - '0/0' - 1) / size) * size) as bytes
                   from at)
    select (replayed >= coalesce(received, '0/0'))::text, '0/0'::pg_lsn + bytes,
           upper(lpad(to_hex(trunc(bytes / 4294967296)::bigint), 8, '0'))
           || upper(lpad(to_hex(trunc((bytes - trunc(bytes / 4294967296) * 4294967296) / size)::bigint), 8, '0'))
    from at, start") || exit
echo "$said"
from=$(echo "$said" | cut -d '|' -f 2)
segment=$(echo "$said" | cut -d '|' -f 3)
cd %s/pg_wal && newest=$(ls | grep -E "^[0-9A-F]{8}$segment\$" | tail -n 1) || exit
%s/pg_waldump --start="$from" "./$newest" 2>/dev/null | tail -n 1
"""


def received_everything(host: Host, port: int, data_directory: str, bin_directory: str) -> None:
    """On a standby whose primary was shut down: the last thing that it replayed is that shutdown.

    A primary writes a shutdown checkpoint as its very last record and, when shut down in order, waits
    until its standbys have it (PostgreSQL 15, "Streaming Replication"). Such a record takes about 120
    bytes, so looking at the last 256 finds it; or at the last segment's first, since a primary that archives
    begins a segment for it. What was received is not compared alone: after a new
    connection it counts from the start of a segment.
    """
    done = host.run(_LAST_RECORD, bin_directory, str(port), data_directory, bin_directory)
    lines = done.stdout.splitlines()
    assert lines, f"PostgreSQL does not answer on port {port}: {done.stderr.strip()}"
    assert lines[0].startswith("true|"), "it has not replayed all that it received"
    assert len(lines) > 1, f"its write-ahead log cannot be read: {done.stderr.strip()}"
    assert "CHECKPOINT_SHUTDOWN" in lines[1], "the primary's shutdown has not arrived"
