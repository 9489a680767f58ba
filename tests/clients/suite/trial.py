"""One run of one job against one target, and what came of its parts."""

import json
import os
import socket
import time
from dataclasses import dataclass

from .data import ROOT
from .install import folder
from .processes import Failure, Process

JOB_SECONDS = 150
WORDS_MAX = 300
# Between two looks at whether a job has ended.
GLANCE_SECONDS = 0.02


@dataclass(frozen=True)
class Outcome:
    """What came of one part; `why` is empty if it works."""

    part: str
    why: str


@dataclass
class Trial:
    """A job in one of its client's modes, against a target."""

    job: object
    mode: str
    target: object
    outcomes: list
    seconds: float = 0.0

    def known(self, outcome):
        """What the error is known to say, of a part that is known to fail here."""
        return self.known_failures().get(outcome.part)

    def known_failures(self):
        """All of them: a client that fails without Redpoll is a mistake of the job."""
        if not self.target.proxied:
            return {}
        return self.job.known_failures(self.target.over, self.mode)

    def is_expected(self, outcome):
        """Whether it fails as is known, or works as all else must."""
        known = self.known(outcome)
        if known is None:
            return outcome.why == ""
        return outcome.why != "" and known in outcome.why

    def surprises(self):
        """What is not as expected, in words."""
        for outcome in self.outcomes:
            if self.is_expected(outcome):
                continue
            known = self.known(outcome)
            if outcome.why == "":
                yield f"{outcome.part}: works, and is listed as failing with {known!r}"
            elif known is None:
                yield f"{outcome.part}: {outcome.why}"
            else:
                yield f"{outcome.part}: is to fail with {known!r}, but: {outcome.why}"
        for part in set(self.known_failures()) - {outcome.part for outcome in self.outcomes}:
            yield f"{part}: is listed as failing, and did not run"


def run(job, mode, target, logs):
    """Runs a job to its end, or to its time limit."""
    target.empty()
    os.makedirs(logs)
    began = time.monotonic()
    control = Control(target)
    words = [_program(word, job.environment) for word in job.command]
    with open(logs / "errors", "wb") as errors:
        process = Process(words, logs / "output", cwd=logs, stderr=errors,
                          env=_variables(job, mode, target, control.port))
    control.serve(process, JOB_SECONDS)
    control.close()
    code = process.ended()
    process.kill()
    outcomes = list(_outcomes(logs / "output"))
    if code is None:
        outcomes.append(Outcome("the job", f"did not end in {JOB_SECONDS} s"))
    elif code != 0 or not outcomes:
        outcomes.append(Outcome("the job", f"ended with {code} after {len(outcomes)} parts: "
                                           f"{_last_line(logs / 'errors')}"))
    return Trial(job, mode, target, outcomes, time.monotonic() - began)


def _program(word, environment):
    """A word of a job's command line, with the places of things filled in."""
    return word.format(here=ROOT, environment=folder(environment))


def _variables(job, mode, target, control):
    modules = folder(job.environment) / "node_modules"
    return dict(
        os.environ,
        REDPOLL_PORT=str(target.port),
        REDPOLL_MODE=mode,
        REDPOLL_OVER=target.over,
        REDPOLL_CONTROL=str(control),
        NODE_PATH=str(modules),
        PYTHONPATH=str(ROOT / "python"),
        PYTHONDONTWRITEBYTECODE="1",
        PYTHONUNBUFFERED="1",
    )


def _outcomes(output):
    for line in output.read_text(encoding="utf-8", errors="replace").splitlines():
        if not line.startswith('{"part"'):
            continue
        told = json.loads(line)
        why = "" if told["ok"] else " ".join(told["why"].split())[:WORDS_MAX] or "no reason given"
        yield Outcome(told["part"], why)


def _last_line(errors):
    lines = errors.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "no word of why")[:WORDS_MAX]


class Control:
    """A port where a job asks for its connections to be cut: `cut`, answered with `ok`.

    It is served by the one thread that there is: a child dies with the thread that started it.
    """

    def __init__(self, target):
        self.target = target
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(GLANCE_SECONDS)
        self.port = self.listener.getsockname()[1]

    def serve(self, process, seconds):
        """Cuts as often as asked, until the process has ended or the time is up."""
        deadline = time.monotonic() + seconds
        while process.ended() is None and time.monotonic() < deadline:
            try:
                asking, _ = self.listener.accept()
            except TimeoutError:
                continue
            with asking:
                if asking.recv(16) == b"cut\n":
                    asking.sendall(self._cut())

    def close(self):
        """Frees the port."""
        self.listener.close()

    def _cut(self):
        try:
            self.target.cut()
            return b"ok\n"
        except Failure as failure:  # the job hears of it, and so does whoever watches
            print(f"cutting the connections: {failure}", flush=True)
            return b"no\n"
