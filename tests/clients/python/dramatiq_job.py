"""dramatiq: actors with results, run by a worker of the same process, one of them delayed."""

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

from parts import HOST, OVER_CLUSTER, PORT, cut, eventually, run

# Its scripts use several keys at once: over a cluster they need a hash tag.
namespace = "{dramatiq}" if OVER_CLUSTER else "dramatiq"
broker = RedisBroker(host=HOST, port=PORT, namespace=namespace)
backend = RedisBackend(host=HOST, port=PORT, namespace="{results}")
broker.add_middleware(Results(backend=backend))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def double(number):
    return 2 * number


worker = dramatiq.Worker(broker, worker_threads=2, worker_timeout=100)
worker.start()


def tasks():
    messages = [double.send(number) for number in range(10)]
    results = [message.get_result(block=True, timeout=20_000) for message in messages]
    assert results == [2 * number for number in range(10)]
    delayed = double.send_with_options(args=(21,), delay=200)
    assert delayed.get_result(block=True, timeout=20_000) == 42


def after_a_restart():
    cut()
    message = eventually(lambda: double.send(5), Exception)
    result = eventually(lambda: message.get_result(block=True, timeout=20_000), OSError)
    assert result == 10


run(tasks, after_a_restart)
