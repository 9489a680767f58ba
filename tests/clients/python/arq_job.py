"""arq: jobs with results, done by a worker of the same process."""

import asyncio

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker

from parts import HOST, PORT, run

settings = RedisSettings(host=HOST, port=PORT, conn_retries=20, conn_retry_delay=0.1,
                         retry_on_timeout=True)
QUEUE = "arq:queue"


async def double(_context, number):
    return 2 * number


async def with_worker(story):
    pool = await create_pool(settings, default_queue_name=QUEUE)
    worker = Worker([double], queue_name=QUEUE, redis_settings=settings, poll_delay=0.05,
                    handle_signals=False)
    running = asyncio.create_task(worker.async_run())
    try:
        await story(pool)
    finally:
        running.cancel()
        await asyncio.wait([running], timeout=5)


async def tasks():
    async def story(pool):
        jobs = [await pool.enqueue_job("double", number) for number in range(10)]
        results = [await job.result(timeout=20, poll_delay=0.05) for job in jobs]
        assert results == [2 * number for number in range(10)]
        later = await pool.enqueue_job("double", 21, _defer_by=0.3)
        assert await later.result(timeout=20, poll_delay=0.05) == 42

    await with_worker(story)


run(tasks)
