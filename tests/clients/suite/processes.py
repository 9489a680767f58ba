"""Child processes that do not outlive the run: they die with the runner, or are killed by their id."""

import ctypes
import os
import signal
import socket
import subprocess
import time

# Ports are drawn below the kernel's range for outgoing connections, so that no client takes the
# port of a server that is about to be started again.
PORTS = range(12_000, 32_000)

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)
_next_port = os.getpid() * 997


class Failure(Exception):
    """Something that the suite needs does not work; its text is for the user."""


class Process:
    """A child in a session of its own, with its output in a file."""

    def __init__(self, command, log, **options):
        self.name = os.path.basename(str(command[0]))
        self.log = log
        with open(log, "ab") as output:
            self.child = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=output,
                stderr=options.pop("stderr", output), start_new_session=True,
                preexec_fn=_die_with_parent, **options)

    def ended(self):
        """Its exit code, or None while it runs."""
        return self.child.poll()

    def terminate(self, seconds):
        """Asks it to end, and returns its exit code."""
        self.child.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} does not end:\n{self.tail()}") from None

    def kill(self):
        """Ends it and everything that it started."""
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()

    def tail(self, lines=30):
        """Its last words."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-lines:])


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    """A port of 127.0.0.1 that nobody listens on now."""
    global _next_port
    for _ in PORTS:
        _next_port += 1
        port = PORTS.start + _next_port % len(PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise Failure("no free port on 127.0.0.1")


def wait_until(what, probe, seconds=20):
    """Looks again and again until `probe` gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Failure(f"waited {seconds} s in vain until {what}")
        time.sleep(0.02)
