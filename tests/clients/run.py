#!/usr/bin/env python3
"""Runs what people run against Redis, direct and through Redpoll, over a real server and a real
cluster, and says what works.

    jobs.toml -> install (a cache) -> servers, proxies -> a job a process -> outcomes -> table

A job is a program in `python`, `node`, `rust`, `c` or `ruby` that does what an application does with
one client or framework, in named parts; each part prints a line of JSON. What is known to fail is
listed with its error in `jobs.toml`; a part that fails in another way, and one that works although
it is listed, is unexpected, and the exit code 1.
"""

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from suite import data, install, report, servers, trial
from suite.processes import Failure, Process

TREE = data.ROOT.parent.parent


def main():
    arguments = parse()
    jobs = [job for job in data.load() if arguments.wants(job)]
    if not jobs:
        raise Failure("no job has such a name")
    if arguments.action == "list":
        for job in jobs:
            print(f"{job.title} ({', '.join(job.modes)})")
        return 0
    if arguments.action == "table":
        return check_table(jobs)
    for environment in {job.environment.name: job.environment for job in jobs}.values():
        (install.check if arguments.installed else install.install)(environment)
    if arguments.action == "install":
        return 0
    return run(jobs, arguments)


def parse():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("action", choices=["run", "install", "list", "table"], nargs="?",
                        default="run", help="table: check that of the README against jobs.toml")
    parser.add_argument("--quick", action="store_true", help="only the jobs that CI runs")
    parser.add_argument("--installed", action="store_true",
                        help="fail where something is not installed instead of installing it")
    parser.add_argument("--job", action="append", default=[], metavar="WORDS",
                        help="only jobs with this in their titles; may be given again")
    parser.add_argument("--over", choices=["server", "cluster"], help="only over this")
    parser.add_argument("--readme", action="store_true", help="write the table into README.md")
    arguments = parser.parse_args()
    if arguments.readme and (arguments.quick or arguments.job or arguments.over):
        parser.error("--readme needs all the jobs")
    arguments.wants = lambda job: (
        (not arguments.quick or job.quick)
        and (not arguments.job or any(words in job.title for words in arguments.job)))
    return arguments


def check_table(jobs):
    """Whether the README says what the data says; the data is checked by running the jobs."""
    table = report.table(jobs, report.expected(jobs))
    if report.written() == table:
        return 0
    print(f"README.md: `make clients` makes another table:\n{table}")
    return 1


def run(jobs, arguments):
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    place = Path(tempfile.mkdtemp(prefix="redpoll-clients-", dir=memory))
    targets = start(place, arguments.over)
    trials = []
    try:
        for job in jobs:
            for number, (mode, target) in enumerate(pairs(job, targets)):
                logs = place / f"{job.title} {number}".replace(" ", "-")
                trials.append(trial.run(job, mode, target, logs))
                print(report.line(trials[-1]), flush=True)
                if target.proxied:
                    target.check()
    finally:
        stop(targets)
    unexpected = [found for found in trials if any(True for _ in found.surprises())]
    if arguments.readme and not unexpected:
        report.write(report.table(jobs, report.measured(trials)))
    if unexpected:
        print(f"{len(unexpected)} of {len(trials)} are not as expected; what was said is in {place}")
        return 1
    print(f"all {len(trials)} are as expected")
    shutil.rmtree(place)
    return 0


def start(place, over):
    """The servers alone and with a proxy before them."""
    binary = os.environ.get("REDPOLL_BIN", TREE / "target" / "release" / "redpoll")
    if not os.path.exists(binary):
        raise Failure(f"{binary} is not there: cargo build --release, or set REDPOLL_BIN")
    targets = []
    if over in (None, "server"):
        lone = [servers.Server(place / "server")]
        targets += [servers.Direct(lone), servers.Proxied(lone, place / "proxy-server", binary)]
    if over in (None, "cluster"):
        nodes = servers.cluster(place / "cluster")
        proxied = servers.Proxied(nodes, place / "proxy-cluster", binary)
        targets += [servers.Direct(nodes), proxied]
    return targets


def pairs(job, targets):
    """In which mode against what: only a client in cluster mode gets on with a bare cluster."""
    for target in targets:
        for mode in job.modes:
            bare = not target.proxied
            if not bare or (mode == "cluster-mode") == (target.over == "cluster"):
                yield mode, target


def stop(targets):
    """Kills what was started, the proxies first."""
    for target in sorted(targets, key=lambda target: not target.proxied):
        processes = [target.process] if target.proxied else [s.process for s in target.servers]
        for process in processes:
            assert isinstance(process, Process)
            process.kill()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        print(f"clients: {failure}", file=sys.stderr)
        sys.exit(1)
