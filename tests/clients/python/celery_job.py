"""Celery: a worker in a process of its own, tasks, their results, a retry and a chord."""

import os
import subprocess
import sys

from celery import Celery, chord

from parts import HOST, OVER_CLUSTER, PORT, cut, run

url = f"redis://{HOST}:{PORT}/0"
app = Celery("celery_job", broker=url, backend=url)
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False,
                broker_connection_max_retries=None, result_expires=600)
if OVER_CLUSTER:
    # All keys in one slot: Celery moves tasks between several keys at once.
    tagged = {"global_keyprefix": "{celery}:"}
    app.conf.update(broker_transport_options=tagged, result_backend_transport_options=tagged)


@app.task
def add(a, b):
    return a + b


@app.task(bind=True, max_retries=3)
def second_try(self):
    if self.request.retries == 0:
        raise self.retry(countdown=0.1)
    return self.request.retries


@app.task
def total(numbers):
    return sum(numbers)


def tasks():
    results = [add.delay(number, 1) for number in range(20)]
    assert [result.get(timeout=20) for result in results] == list(range(1, 21))
    assert second_try.delay().get(timeout=20) == 1
    assert chord(add.s(number, number) for number in range(5))(total.s()).get(timeout=20) == 20


def after_a_restart():
    cut()
    assert add.delay(40, 2).get(timeout=25) == 42


if __name__ == "__main__":
    command = [sys.executable, "-m", "celery", "-A", "celery_job", "worker", "-P", "threads",
               "-c", "2", "-l", "info"]
    worker = subprocess.Popen(command, cwd=os.path.dirname(__file__), stdout=sys.stderr)
    run(tasks, after_a_restart)
