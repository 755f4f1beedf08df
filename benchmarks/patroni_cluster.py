"""Patroni as an operator would run it on the pair's hosts: Debian's packages, etcd with three members, an address.

- etcd has three members: both database hosts and the application host. One would be a single point of failure,
  two are no better than one.
- Patroni makes a cluster of its own, in a folder of its own, with PostgreSQL's binaries and the settings of our
  cluster, as that one's server reports them; ``compare`` shows that what matters is equal.
- ``synchronous_mode`` is on; otherwise Patroni has its defaults, ``use_pg_rewind`` and slots as in its own sample.
- The service address follows the primary by callbacks (on_start, on_stop, on_role_change), the way that needs no
  further daemon; the address is announced exactly as our runbook does it.
"""

from __future__ import annotations

import json
import secrets
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.harness import Pair

PACKAGES = ("patroni", "etcd-server", "etcd-client")
SCOPE = "bench"
DEFAULTS = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}
# The shortest times that Patroni's documentation allows together.
TUNED = {"ttl": 20, "loop_wait": 5, "retry_timeout": 7}

_DATA = "/var/lib/postgresql/15/patroni"
_CONFIG = "/etc/patroni/config.yml"
_CALLBACK = "/etc/patroni/address.sh"
_SCHEMA = "/root/schema.sql"
# What Patroni or its command line sets itself.
_NOT_COPIED = ("listen_addresses", "port", "hot_standby", "cluster_name", "primary_conninfo")
# What makes a write durable, or slow.
_COMPARED = (
    "server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_level", "wal_log_hints",
    "wal_sync_method", "data_checksums", "shared_buffers", "max_connections", "wal_retrieve_retry_interval",
    "wal_receiver_timeout", "wal_sender_timeout", "checkpoint_timeout", "max_wal_size", "password_encryption",
)  # fmt: skip
_ADDRESS = """\
#!/bin/sh
# Called by Patroni: ACTION ROLE CLUSTER.
case "$1 $2" in
    "on_stop "*) act=drop ;;
    *" master" | *" primary") act=take ;;
    *) act=drop ;;
esac
if [ $act = take ]; then
    ip address replace {address}/{prefix} dev {device}
    for _ in 1 2; do timeout 0.1 arping -q -U -c 1 -I {device} {address} || true; done
else
    ip address del {address}/{prefix} dev {device} 2>/dev/null || true
fi
"""
# Patroni's unit runs as postgres, which may not change addresses.
_UNIT = "[Service]\nAmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW\n"


class Patroni:
    """Patroni's cluster on the hosts of a pair; ours must be stopped while it runs."""

    def __init__(self, pair: Pair, *, witness: str) -> None:
        """Take the pair, and the third host for etcd."""
        self.pair = pair
        self.members = (pair.first, pair.second)
        self.etcd = (*self.members, witness)
        self.at = {item: pair.hosts[item].target.address for item in self.etcd}
        self.port = pair.settings["port"]
        self.schema = ""

    # --- making ----------------------------------------------------------------------------------

    def configure(self, primary: str) -> None:
        """Write the configuration, and copy users and tables of our cluster, whose primary is named; all stopped."""
        pair = self.pair
        parameters = self._settings_of_ours(primary)
        words = pair.hosts[primary].get("/var/lib/postgresql/.pgpass").decode().strip().split(":")
        hba = pair.hosts[primary].get(f"{pair.settings['data_directory']}/pg_hba.conf").decode().splitlines()
        rewind = secrets.token_hex(16)
        lines = [line for line in hba if line and not line.startswith("#")]
        lines.append("host postgres rewinder samenet scram-sha-256")
        self.schema = pair.shell(primary, f"runuser -u postgres -- pg_dumpall -p {self.port} --schema-only")
        device = {name: pair.settings[name] for name in ("prefix",)} | {"device": pair.settings["interface"]}
        for item in self.members:
            config = self._config(item, parameters, hba=lines, replication=words[-1], rewind=rewind)
            host = pair.hosts[item]
            host.run(["mkdir", "-p", "/etc/systemd/system/patroni.service.d"], timeout=10)
            host.put(yaml.safe_dump(config, sort_keys=False).encode(), _CONFIG)
            host.put(_ADDRESS.format(address=pair.address, **device).encode(), _CALLBACK)
            host.put(_UNIT.encode(), "/etc/systemd/system/patroni.service.d/address.conf")
            pair.shell(
                item,
                f"chown postgres: {_CONFIG}; chmod 755 {_CALLBACK}; install -d -o postgres -g postgres -m 700 {_DATA}",
            )
        peers = ",".join(f"{item}=http://{self.at[item]}:2380" for item in self.etcd)
        for item in self.etcd:
            here = self.at[item]
            values = {
                "ETCD_NAME": item,
                "ETCD_LISTEN_PEER_URLS": f"http://{here}:2380",
                "ETCD_INITIAL_ADVERTISE_PEER_URLS": f"http://{here}:2380",
                "ETCD_LISTEN_CLIENT_URLS": f"http://{here}:2379,http://127.0.0.1:2379",
                "ETCD_ADVERTISE_CLIENT_URLS": f"http://{here}:2379",
                "ETCD_INITIAL_CLUSTER": peers,
                "ETCD_INITIAL_CLUSTER_STATE": "new",
            }
            text = "".join(f'{name}="{value}"\n' for name, value in values.items())
            pair.hosts[item].put(text.encode(), "/etc/default/etcd")
            # They start when this benchmark says so, not with the host.
            pair.shell(item, "systemctl daemon-reload; systemctl disable --quiet etcd patroni 2>/dev/null || true")

    def _settings_of_ours(self, primary: str) -> dict[str, str]:
        rows = self._ask(
            primary,
            "select json_object_agg(name, current_setting(name)) from pg_settings "
            "where source = 'configuration file' and sourcefile like '%/postgresql.conf'",
        )
        found: dict[str, str] = json.loads(rows)
        return {name: value for name, value in found.items() if name not in _NOT_COPIED}

    def _config(
        self, item: str, parameters: Mapping[str, str], *, hba: list[str], replication: str, rewind: str
    ) -> dict[str, Any]:
        here = self.at[item]
        return {
            "scope": SCOPE,
            "name": item,
            "etcd3": {"hosts": [f"{self.at[each]}:2379" for each in self.etcd]},
            "restapi": {"listen": f"{here}:8008", "connect_address": f"{here}:8008"},
            "bootstrap": {
                "dcs": {
                    **DEFAULTS,
                    "maximum_lag_on_failover": 1048576,
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "use_slots": True, "parameters": dict(parameters)},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums", {"auth": "peer"}],
            },
            "postgresql": {
                "listen": f"*:{self.port}",
                "connect_address": f"{here}:{self.port}",
                "use_unix_socket": True,
                "data_dir": _DATA,
                "bin_dir": self.pair.settings["bin_directory"],
                "pgpass": "/var/lib/postgresql/patroni.pgpass",
                "authentication": {
                    "superuser": {"username": "postgres"},
                    "replication": {"username": self.pair.settings["replication_user"], "password": replication},
                    "rewind": {"username": "rewinder", "password": rewind},
                },
                "pg_hba": hba,
                "callbacks": dict.fromkeys(("on_start", "on_stop", "on_role_change"), _CALLBACK),
            },
        }

    def fill(self) -> None:
        """Give Patroni's new cluster the users and tables of ours."""
        host = self.pair.hosts[self.leader()]
        host.put(self.schema.encode(), _SCHEMA)
        script = f"cat {_SCHEMA} | runuser -u postgres -- psql -Xq -p {self.port}; rm {_SCHEMA}"
        done = host.run(["/bin/sh", "-c", script], timeout=60)
        # Patroni has made some of the users already; that is the only complaint.
        wrong = [line for line in done.stderr.splitlines() if "error" in line.lower() and "already exists" not in line]
        if wrong:
            raise SystemExit("\n".join(wrong))

    # --- running ---------------------------------------------------------------------------------

    def start(self, *items: str) -> None:
        """Start etcd and Patroni, on all hosts or on some; give them time to be whole with ``wait_whole``."""
        for item in items or self.etcd:
            self.pair.shell(item, "systemctl start --no-block etcd")
        for item in items or self.etcd:
            self.pair.shell(item, "timeout 30 sh -c 'until systemctl -q is-active etcd; do sleep 0.2; done'")
        for item in self.members:
            if not items or item in items:
                self.pair.shell(item, "systemctl start patroni")

    def stop(self) -> None:
        """Stop Patroni, and with it its databases, the primary last; then etcd."""
        leader = self.leader()
        for item in sorted(self.members, key=lambda each: each == leader):
            self.pair.shell(item, "systemctl stop patroni")
            if self.pair.hosts[item].run(["pgrep", "-x", "postgres"], timeout=5).exit_code == 0:
                raise SystemExit(f"{item}: PostgreSQL runs on although Patroni was stopped")
            holds = self.pair.shell(item, f"ip -o address show | grep -F ' {self.pair.address}/' || true")
            if holds:
                raise SystemExit(f"{item}: the service address is still there although Patroni was stopped")
        for item in self.etcd:
            self.pair.shell(item, "systemctl stop etcd")

    def switchover(self, here: str, there: str) -> float:
        """Switch over as a person does, on the primary's console; give how long the command took, in seconds."""
        began = time.monotonic()
        self.pair.shell(
            here, f"patronictl -c {_CONFIG} switchover {SCOPE} --leader {here} --candidate {there} --force >&2"
        )
        return time.monotonic() - began

    def retime(self, times: Mapping[str, int]) -> None:
        """Change Patroni's times while it runs."""
        request = urllib.request.Request(
            f"http://{self.at[self.leader()]}:8008/config", json.dumps(times).encode(), method="PATCH"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            set_to = json.load(answer)
        if any(set_to[name] != value for name, value in times.items()):
            raise SystemExit(f"Patroni did not take {times}: {set_to}")

    # --- looking ---------------------------------------------------------------------------------

    def leader(self) -> str:
        """Give the member that Patroni says is the leader; raises SystemExit when none answers."""
        for each in self._members():
            if each["role"] == "leader":
                name: str = each["name"]
                return name
        raise SystemExit("Patroni has no leader")

    def wait_whole(self, *, timeout: float = 90) -> str:
        """Wait until one member leads, holds the address, and the other is its synchronous standby; give the leader."""
        deadline = time.monotonic() + timeout
        why = ""
        while time.monotonic() < deadline:
            why = self._problem()
            if not why:
                return self.leader()
            time.sleep(0.25)
        raise SystemExit(f"Patroni's cluster is not whole after {timeout:g} s: {why}")

    def _problem(self) -> str:
        roles = {each["name"]: (each["role"], each["state"]) for each in self._members()}
        wanted = [("leader", "running"), ("sync_standby", "running")]
        if sorted(roles.values()) not in (wanted, [("leader", "running"), ("sync_standby", "streaming")]):
            return f"its members are {roles}"
        leader = next(name for name, (role, _) in roles.items() if role == "leader")
        other = next(name for name in self.members if name != leader)
        # What Patroni says, checked with the database and the host themselves.
        sync = self._ask(
            leader,
            "select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'sync' "
            f"and application_name = '{other}' and not pg_is_in_recovery()",
        )
        holds = {item: f" {self.pair.address}/" in self.pair.shell(item, "ip -o address show") for item in self.members}
        if sync != "1":
            return f"{other} is not the synchronous standby of {leader}"
        return "" if holds == {leader: True, other: False} else f"the service address: {holds}"

    def compare(self, ours: Mapping[str, str]) -> None:
        """Raise SystemExit unless what makes writes durable or slow is as in our cluster."""
        theirs = self.settings(self.leader())
        differ = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
        if differ:
            raise SystemExit(f"the two clusters are not set alike (ours, Patroni's): {differ}")

    def settings(self, item: str) -> dict[str, str]:
        """Give what ``compare`` compares, of the database that runs on a host."""
        names = ", ".join(f"'{name}'" for name in _COMPARED)
        rows = self._ask(
            item, f"select json_object_agg(name, setting order by name) from pg_settings where name in ({names})"
        )
        found: dict[str, str] = json.loads(rows)
        return found

    def logs(self) -> str:
        """Give the ends of the journals of all members, for a person who looks for the reason of a failure."""
        return "\n".join(
            f"--- {item}\n" + self.pair.shell(item, "journalctl -u patroni -u etcd --no-pager -n 40 2>&1 || true")
            for item in self.members
        )

    def _ask(self, item: str, sql: str) -> str:
        return self.pair.shell(item, f'runuser -u postgres -- psql -XAtq -p {self.port} -c "{sql}"').strip()

    def _members(self) -> list[dict[str, Any]]:
        for item in self.members:
            try:
                with urllib.request.urlopen(f"http://{self.at[item]}:8008/cluster", timeout=3) as answer:
                    found: list[dict[str, Any]] = json.load(answer)["members"]
                    return found
            except OSError:
                continue
        return []


def steady(condition: Callable[[], bool], *, timeout: float, what: str) -> None:
    """Wait for a condition. Raises SystemExit."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} not after {timeout:g} s")
        time.sleep(0.25)
