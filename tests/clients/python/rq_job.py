"""rq: jobs on two queues, done by a worker in a process of its own, and one that fails."""

import os
import subprocess
import sys
import time

from redis import Redis
from rq import Queue, SimpleWorker

from parts import HOST, PORT, cut, eventually, run, wait_until


def double(number):
    return 2 * number


def fail():
    raise ValueError("as it is to")


def connect():
    return Redis(host=HOST, port=PORT, socket_timeout=30)


def tasks():
    queue = Queue("first", connection=connect())
    jobs = [queue.enqueue("rq_job.double", number) for number in range(10)]
    wait_until(lambda: all(job.get_status(refresh=True) == "finished" for job in jobs), 20)
    assert [job.return_value() for job in jobs] == [2 * number for number in range(10)]
    failed = Queue("second", connection=connect()).enqueue("rq_job.fail")
    wait_until(lambda: failed.get_status(refresh=True) == "failed", 20)
    assert "as it is to" in failed.latest_result().exc_string


def after_a_restart():
    cut()
    queue = eventually(lambda: Queue("first", connection=connect()), OSError)
    job = queue.enqueue("rq_job.double", 21)
    wait_until(lambda: job.get_status(refresh=True) == "finished", 20)
    assert job.return_value() == 42


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        while True:  # as whoever supervises it would
            try:
                SimpleWorker(["first", "second"], connection=connect()).work()
            except Exception as error:
                print(f"the worker begins again: {error!r}", file=sys.stderr)
                time.sleep(0.2)
    worker = subprocess.Popen([sys.executable, __file__, "worker"], stdout=sys.stderr,
                              env=dict(os.environ, PYTHONPATH=os.path.dirname(__file__)))
    run(tasks, after_a_restart)
