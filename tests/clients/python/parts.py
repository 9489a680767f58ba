"""What every job in Python has: where the server is, its parts run in turn, and a line of JSON for
each of them."""

import asyncio
import inspect
import json
import os
import signal
import socket
import sys
import time
import traceback

HOST = "127.0.0.1"
PORT = int(os.environ["REDPOLL_PORT"])
# Whether the job is to use its client's cluster mode, and what is behind the port.
CLUSTER_CLIENT = os.environ["REDPOLL_MODE"] == "cluster-mode"
OVER_CLUSTER = os.environ["REDPOLL_OVER"] == "cluster"
# The longest that a part may take.
PART_SECONDS = int(os.environ.get("REDPOLL_PART_SECONDS", "30"))


def cut():
    """Has the runner end all connections: it restarts the proxy, or tells the server to."""
    control = int(os.environ["REDPOLL_CONTROL"])
    with socket.create_connection((HOST, control), timeout=PART_SECONDS) as asked:
        asked.sendall(b"cut\n")
        assert asked.recv(3) == b"ok\n", "the runner could not cut the connections"


def wait_until(probe, seconds=10):
    """Looks again and again until `probe` gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found or time.monotonic() > deadline:
            assert found, f"waited {seconds} s in vain for {inspect.getsource(probe).strip()}"
            return found
        time.sleep(0.02)


def eventually(attempt, errors, seconds=10):
    """Tries until `attempt` raises none of `errors`, and returns what it gives."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except errors:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def raises(error, words, attempt):
    """Checks that `attempt` raises an `error` that has `words` in its text."""
    try:
        given = attempt()
    except error as raised:
        assert words in str(raised), f"{raised} lacks {words!r}"
        return
    raise AssertionError(f"{given!r} instead of an error with {words!r}")


def run(*parts):
    """Runs the parts, functions or coroutines, and exits when the last has ended."""
    signal.signal(signal.SIGALRM, _late)
    for part in parts:
        line = {"part": part.__name__.replace("_", " ")}
        try:
            signal.alarm(PART_SECONDS)
            if inspect.iscoroutinefunction(part):
                asyncio.run(asyncio.wait_for(part(), PART_SECONDS))
            else:
                part()
            line["ok"] = True
        except BaseException as error:  # whatever it was, the part has failed and the next may not
            traceback.print_exc()
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            line["ok"] = False
            line["why"] = f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
        print(json.dumps(line), flush=True)
    # Threads of a client that is beyond repair do not hold up the job.
    sys.stderr.flush()
    os._exit(0)


def _late(_signal, _frame):
    raise TimeoutError(f"not done in {PART_SECONDS} s")
