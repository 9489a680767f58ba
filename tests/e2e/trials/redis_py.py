"""What a user of redis-py does on the first day, with the library's defaults. Argument: the port."""

import asyncio
import sys
import threading

import redis
import redis.asyncio

port = int(sys.argv[1])
assert int(redis.__version__.split(".")[0]) >= 8, f"redis-py 8 is wanted, this is {redis.__version__}"


def everyday(client):
    assert client.ping()
    assert client.set("py:a", "x") is True
    assert client.get("py:a") == b"x"
    assert client.get("py:none") is None
    assert client.mset({f"py:m{n}": n for n in range(20)}) is True
    assert client.mget([f"py:m{n}" for n in range(21)]) == [b"%d" % n for n in range(20)] + [None]
    assert client.exists("py:m0", "py:m1", "py:none") == 2
    assert client.delete(*[f"py:m{n}" for n in range(20)]) == 20
    assert client.set("py:count", 41) and client.incr("py:count") == 42
    assert client.expire("py:a", 100) and 0 < client.ttl("py:a") <= 100

    client.delete("py:h", "py:l", "py:s", "py:z")
    assert client.hset("py:h", mapping={"f": 1, "g": 2}) == 2
    assert client.hgetall("py:h") == {b"f": b"1", b"g": b"2"}
    assert client.rpush("py:l", *"abc") == 3 and client.lrange("py:l", 0, -1) == [b"a", b"b", b"c"]
    assert client.sadd("py:s", 1, 2) == 2 and client.smembers("py:s") == {b"1", b"2"}
    assert client.zadd("py:z", {"a": 1, "b": 2.5}) == 2 and client.zscore("py:z", "b") == 2.5
    ranks = client.zrange("py:z", 0, -1, withscores=True)
    assert [tuple(pair) for pair in ranks] == [(b"a", 1.0), (b"b", 2.5)], ranks

    pipe = client.pipeline(transaction=False)
    for n in range(500):
        pipe.set(f"py:p{n}", n)
        pipe.get(f"py:p{n}")
    assert pipe.execute() == [value for n in range(500) for value in (True, b"%d" % n)]

    try:
        client.lpush("py:h", "x")
        raise AssertionError("a list command on a hash must fail")
    except redis.ResponseError as error:
        assert "WRONGTYPE" in str(error), error
    assert client.client_setname("py") and client.client_getname() in ("py", b"py")
    assert client.info()["redis_version"]


def many_threads(client):
    """The connection pool is shared; every thread must get its own replies."""
    failures = []

    def work(name):
        for n in range(200):
            value = f"{name}:{n}".encode()
            client.set(f"py:t{name}", value)
            if client.get(f"py:t{name}") != value:
                failures.append(value)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


async def asynchronous():
    client = redis.asyncio.Redis(port=port)
    await asyncio.gather(*(client.set(f"py:async{n}", n) for n in range(50)))
    values = await asyncio.gather(*(client.get(f"py:async{n}") for n in range(50)))
    assert values == [b"%d" % n for n in range(50)], values
    await client.aclose()


with redis.Redis(port=port) as default:
    hello = default.execute_command("HELLO")
    assert hello[b"proto"] == 3, f"redis-py 8 speaks RESP3 by default: {hello}"
    everyday(default)
    many_threads(default)
with redis.Redis(port=port, protocol=2) as old:
    everyday(old)
asyncio.run(asynchronous())
print("done")
