"""saq: jobs with results, done by a worker of the same process."""

import asyncio
import itertools

from saq import Queue, Worker

from parts import HOST, OVER_CLUSTER, PORT, cut, run

# Its scripts use several keys at once: over a cluster they need a hash tag, the jobs' keys, too.
NAME = "{jobs}" if OVER_CLUSTER else "jobs"
numbers = itertools.count()


def apply(queue, number):
    return queue.apply("double", timeout=20, key=f"{NAME}:{next(numbers)}", number=number)


async def double(_context, *, number):
    return 2 * number


async def with_worker(story):
    queue = Queue.from_url(f"redis://{HOST}:{PORT}", name=NAME)
    await queue.connect()
    worker = Worker(queue, functions=[double], concurrency=4)
    running = asyncio.create_task(worker.start())
    try:
        await story(queue)
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=5)


async def tasks():
    async def story(queue):
        results = [await apply(queue, number) for number in range(10)]
        assert results == [2 * number for number in range(10)]
        each = [{"number": n, "key": f"{NAME}:{next(numbers)}"} for n in range(20)]
        assert await queue.map("double", each, timeout=20) == [2 * number for number in range(20)]

    await with_worker(story)


async def after_a_restart():
    async def story(queue):
        assert await apply(queue, 1) == 2
        await asyncio.to_thread(cut)
        for attempt in range(50):
            try:
                assert await apply(queue, 21) == 42
                break
            except OSError:
                assert attempt < 49
                await asyncio.sleep(0.1)

    await with_worker(story)


run(tasks, after_a_restart)
