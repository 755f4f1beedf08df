"""What the programs of probes make of servers and of the network: slow, strange, or somebody else's answers."""

from __future__ import annotations

import importlib
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).resolve().parents[2] / "src/drillbook/drill/programs"
SECOND = 1_000_000_000


@pytest.fixture
def load(monkeypatch):
    """Imports a program as it is on a probe host: with what lies beside it."""
    monkeypatch.syspath_prepend(str(PROGRAMS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def server():
    """Gives the port of a server that answers each request with these bytes, piece by piece, and then hangs up."""
    made = []

    def serve(*pieces, pause=0.0, hang=0.0):
        listener = socket.create_server(("127.0.0.1", 0))
        made.append(listener)

        def answer():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(65536)
                        for piece in pieces:
                            connection.sendall(piece)
                            time.sleep(pause)
                        time.sleep(hang)
                    except OSError:
                        continue  # the probe gave it up

        threading.Thread(target=answer, daemon=True).start()
        return listener.getsockname()[1]

    yield serve
    for listener in made:
        listener.close()


def options(port, **more):
    return {
        "address": "127.0.0.1", "port": port, "run": "r1", "writer": "users", "answer_ms": 300, "connect_ms": 300,
        "origin": "http://origin.test:8080/", **more,
    }  # fmt: skip


ANSWERS = {
    "done": ((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",), ("ack", "")),
    "in chunks": ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",), ("ack", "")),
    "until it hangs up": ((b"HTTP/1.0 200 OK\r\n\r\nhi",), ("ack", "")),
    "in pieces": ((b"HTTP/1.1 2", b"00 OK\r\nContent-", b"Length: 2\r\n\r\nh", b"i"), ("ack", "")),
    "no page": ((b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",), ("refused", "http_404")),
    "the proxy is at fault": ((b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",), ("refused", "http_503")),
    "it hangs up": ((), ("unknown", "connection_lost")),
    "half of it": ((b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi",), ("unknown", "connection_lost")),
    "not HTTP": ((b"220 mail.test ESMTP\r\n",), ("unknown", "not_http")),
    "too long": ((b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",), ("unknown", "not_http")),
    "less than nothing": ((b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",), ("unknown", "not_http")),
}


@pytest.mark.parametrize(("pieces", "outcome"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_a_proxy_answers_becomes_an_outcome(load, server, pieces, outcome):
    reader = load("proxy_reader").Reader(options(server(*pieces)))
    found = reader.attempt(1)
    reader.client.drop()
    assert found[1:] == outcome


def test_a_server_that_drips_holds_no_probe_up(load, server):
    port = server(*[b"x"] * 100, pause=0.1)
    reader = load("proxy_reader").Reader(options(port))
    began = time.monotonic()
    assert reader.attempt(1)[1:] == ("unknown", "no_answer")
    assert time.monotonic() - began < 5  # one deadline for all; the answer alone would take 10 s


def test_nobody_listens(load):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert load("proxy_reader").Reader(options(port)).attempt(1)[1:] == ("refused", "connection_refused")


def test_a_connection_is_used_again_until_the_server_says_otherwise(load, server):
    client = load("web_client")
    stays = client.WebClient(options(server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", hang=1)))
    stays.send(b"GET / HTTP/1.1\r\n\r\n", (200,))
    assert stays.wire is not None
    stays.drop()
    closes = client.WebClient(options(server(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")))
    closes.send(b"GET / HTTP/1.1\r\n\r\n", (200,))
    assert closes.wire is None


def test_a_web_server_that_is_at_fault_may_have_done_it(load, server):
    client = load("web_client").WebClient(options(server(b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")))
    found = client.send(b"PUT /x HTTP/1.1\r\n\r\n", (201,))
    client.drop()
    assert found[1:] == ("unknown", "http_500")


def test_names_of_other_runs_and_of_nobody_are_not_this_runs(load):
    found = load("attempts").survivors(
        [
            "r1.users.1",
            "r1.users.2",
            "r1.users.4",
            "r1.at-db-1.7",
            "r2.users.1",
            "r1.users.x",
            "r1.users.",
            "users.1",
            "",
        ],
        "r1",
    )
    assert found == {"writers": {"at-db-1": [[7, 7]], "users": [[1, 2], [4, 4]]}, "rows": 4, "duplicates": 0}
    twice = load("attempts").survivors(["r1.users.1", "r1.users.1"], "r1")
    assert (twice["rows"], twice["duplicates"]) == (2, 1)


class Network:
    """A raw socket: what is asked is heard by hosts, which answer as they do."""

    def __init__(self, *frames):
        self.frames = list(frames)

    def send(self, data):
        pass

    def settimeout(self, _):
        pass

    def recv(self, _):
        if not self.frames:
            raise TimeoutError
        return self.frames.pop(0)


ME, ONE, TWO = b"\x02\0\0\0\0\1", b"\x02\0\0\0\0\x11", b"\x02\0\0\0\0\x22"
WANTED = "10.0.0.100"


def frame(mac, *, to=ME, operation=2, address=WANTED, kind=0x0806, long=True):
    whole = to + mac + kind.to_bytes(2, "big") + b"\0\1\x08\0\6\4" + operation.to_bytes(2, "big")
    whole += mac + socket.inet_aton(address) + ME + bytes(4)
    return whole if long else whole[:20]


HEARD = {
    "one": ([frame(ONE)], ("ack", "web-1")),
    "nobody": ([], ("unknown", "no_answer")),
    "two": ([frame(TWO), frame(ONE)], ("ack", "spare-1+web-1")),
    "the same twice": ([frame(ONE), frame(ONE)], ("ack", "web-1")),
    "a stranger": ([frame(b"\x02\0\0\0\0\x33")], ("ack", "02:00:00:00:00:33")),
    "an announcement": ([frame(TWO, to=b"\xff" * 6)], ("unknown", "no_answer")),
    "a question": ([frame(TWO, operation=1)], ("unknown", "no_answer")),
    "of another address": ([frame(TWO, address="10.0.0.7")], ("unknown", "no_answer")),
    "another protocol": ([frame(TWO, kind=0x0800)], ("unknown", "no_answer")),
    "too short": ([frame(ONE, long=False)], ("unknown", "no_answer")),
}


@pytest.mark.parametrize(("frames", "outcome"), HEARD.values(), ids=HEARD.keys())
def test_who_answers_for_an_address_is_named(load, frames, outcome):
    watcher = object.__new__(load("address_watcher").Watcher)
    watcher.address, watcher.members, watcher.listen_ns, watcher.mac = WANTED, {}, SECOND, ME
    watcher.known = {"02:00:00:00:00:11": "web-1", "02:00:00:00:00:22": "spare-1"}
    watcher.socket = Network(*frames)
    assert watcher.attempt(1)[1:] == outcome
