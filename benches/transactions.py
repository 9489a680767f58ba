#!/usr/bin/env python3
"""How long 1,000 transactions of one client take through Redpoll, as a multiple of what they take
direct, and over how many connections.

    redis-server <- client            interleaved rounds, in one run: the ratio counts, not the time
    redis-server <- redpoll <- client

`MULTI`, `INCR` and `EXEC` are sent one after the other, each when the one before it is answered; in
one write; and after a `WATCH`. Run it after `cargo build --release`; REDPOLL_BIN names another
binary, REDPOLL_SERVER another server than `redis-server`.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
TRANSACTIONS = 1_000
ROUNDS = 5
STARTS_WITHIN_S = 10

MULTI = b"*1\r\n$5\r\nMULTI\r\n"
INCR = b"*2\r\n$4\r\nINCR\r\n$1\r\nk\r\n"
EXEC = b"*1\r\n$4\r\nEXEC\r\n"
WATCH = b"*2\r\n$5\r\nWATCH\r\n$1\r\nk\r\n"

# What is written at once, and how many lines the replies to that have.
WAYS = {
    "one after the other": [(MULTI, 1), (INCR, 1), (EXEC, 2)],
    "in one write": [(MULTI + INCR + EXEC, 4)],
    "after WATCH": [(WATCH, 1), (MULTI, 1), (INCR, 1), (EXEC, 2)],
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port):
    wire = socket.create_connection(("127.0.0.1", port))
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return wire


def ask(wire, words, lines):
    wire.sendall(words)
    heard = b""
    while heard.count(b"\r\n") < lines:
        part = wire.recv(65_536)
        if not part:
            raise EOFError(f"closed after {heard!r}")
        heard += part
    if heard.startswith(b"-"):
        raise ValueError(heard.decode(errors="replace"))
    return heard


def wait_for(port, process):
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with connect(port) as wire:
                ask(wire, b"PING\r\n", 1)
                return
        except OSError:
            time.sleep(0.01)
    raise TimeoutError(f"{process.args[0]} does not listen on port {port}")


def took(port, way):
    with connect(port) as wire:
        begun = time.perf_counter()
        for _ in range(TRANSACTIONS):
            for words, lines in way:
                ask(wire, words, lines)
        return time.perf_counter() - begun


def received(port):
    """Connections that a server has been asked for so far."""
    with connect(port) as wire:
        wire.sendall(b"INFO stats\r\n")
        for line in wire.makefile("rb"):
            if line.startswith(b"total_connections_received:"):
                return int(line.split(b":")[1])
    raise EOFError("the server says nothing of its connections")


def main():
    binary = os.environ.get("REDPOLL_BIN", TREE / "target/release/redpoll")
    server_binary = os.environ.get("REDPOLL_SERVER", "redis-server")
    behind, before = free_port(), free_port()
    processes = []
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        try:
            words = [server_binary, "--port", str(behind), "--save", "", "--dir", folder]
            processes.append(subprocess.Popen(words, stdout=nowhere))
            wait_for(behind, processes[-1])
            words = [binary, "run", "--upstream", f"redis://127.0.0.1:{behind}"]
            words += ["--listen", f"127.0.0.1:{before}"]
            processes.append(subprocess.Popen(words, stderr=nowhere))
            wait_for(before, processes[-1])
            for name, way in WAYS.items():
                known = received(behind)
                pairs = [(took(before, way), took(behind, way)) for _ in range(ROUNDS)]
                ratio = statistics.median(through / direct for through, direct in pairs)
                # One a round was the client's own, and one asks.
                opened = received(behind) - known - ROUNDS - 1
                print(f"{name}: {ratio:.2f} times direct, {opened} connections opened")
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


if __name__ == "__main__":
    sys.exit(main())
