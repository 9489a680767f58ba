"""huey: tasks, a scheduled one and a lock, done by a consumer of the same process."""

import threading

from huey import RedisHuey

from parts import HOST, PORT, cut, eventually, run

huey = RedisHuey("jobs", host=HOST, port=PORT, read_timeout=1)


@huey.task()
def double(number):
    return 2 * number


@huey.task()
@huey.lock_task("one-at-a-time")
def locked():
    return "done"


consumer = huey.create_consumer(workers=2, periodic=False, initial_delay=0.05, max_delay=0.2)
# Only the main thread may set signal handlers, and the parts need it.
consumer._set_signal_handlers = lambda: None
threading.Thread(target=consumer.run, daemon=True).start()


def tasks():
    results = [double(number) for number in range(10)]
    assert [result.get(blocking=True, timeout=20) for result in results] == [
        2 * number for number in range(10)]
    assert double.schedule((21,), delay=1).get(blocking=True, timeout=20) == 42
    assert locked().get(blocking=True, timeout=20) == "done"


def after_a_restart():
    cut()
    result = eventually(lambda: double(5), Exception)
    assert eventually(lambda: result.get(blocking=True, timeout=20), OSError) == 10


run(tasks, after_a_restart)
