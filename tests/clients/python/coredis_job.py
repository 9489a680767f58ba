"""coredis, with its defaults: RESP3, multiplexed."""

import asyncio

import coredis
from coredis.exceptions import ConnectionError as Lost
from coredis.exceptions import RedisError, ResponseError, WrongTypeError

from parts import CLUSTER_CLIENT, HOST, OVER_CLUSTER, PORT, cut, run


def connect(**more):
    cls = coredis.RedisCluster if CLUSTER_CLIENT else coredis.Redis
    return cls(host=HOST, port=PORT, decode_responses=True, **more)


async def _await(request):
    return await request


def start(request):
    return asyncio.create_task(_await(request))


async def types():
    async with connect() as client:
        assert await client.set("t:string", "x", ex=100) and await client.get("t:string") == "x"
        assert await client.get("t:none") is None
        assert await client.incrby("t:number", 42) == 42
        assert await client.incrbyfloat("t:number", 0.5) == 42.5
        assert await client.hset("t:hash", {"a": "1", "b": "2"}) == 2
        assert await client.hgetall("t:hash") == {"a": "1", "b": "2"}
        assert tuple(await client.hmget("t:hash", ["a", "none"])) == ("1", None)
        assert await client.rpush("t:list", list("abc")) == 3
        assert await client.lrange("t:list", 0, -1) == list("abc")
        assert await client.sadd("t:set", list("123")) == 3
        assert await client.smembers("t:set") == {"1", "2", "3"}
        assert await client.zadd("t:zset", {"a": 1, "b": 2.5}) == 2
        ranks = await client.zrange("t:zset", 0, -1, withscores=True)
        assert [tuple(pair) for pair in ranks] == [("a", 1.0), ("b", 2.5)], ranks
        first = await client.xadd("t:stream", {"f": "v"})
        [entry] = await client.xrange("t:stream")
        assert entry.identifier == first and dict(entry.field_values) == {"f": "v"}
        try:
            raise AssertionError(f"a list command on a hash gave {await client.lpush('t:hash', ['x'])}")
        except WrongTypeError:
            pass
        big = "x" * 2_000_000
        assert await client.set("t:big", big) and await client.get("t:big") == big


async def many_keys():
    async with connect() as client:
        keys = {f"m:{number}": str(number) for number in range(200)}
        assert await client.mset(keys)
        values = await client.mget([*keys, "m:none"])
        assert list(values) == [*keys.values(), None], values
        assert await client.exists(["m:1", "m:2", "m:none"]) == 2
        assert await client.unlink(["m:0", "m:1"]) == 2 and await client.delete(list(keys)) == 198


async def pipelines():
    async with connect() as client:
        async with client.pipeline(transaction=False) as pipe:
            sets = [(pipe.set(f"p:{n}", n), pipe.get(f"p:{n}")) for n in range(500)]
        for number, (done, value) in enumerate(sets):
            assert await done and await value == str(number)
        # Many tasks on one connection.
        assert await asyncio.gather(*(client.incrby(f"g:{n}", n) for n in range(200))) == list(range(200))


async def transactions():
    async with connect() as client:
        async with client.pipeline(transaction=True) as pipe:
            replies = [pipe.set("{tx}a", 1), pipe.incrby("{tx}a", 5), pipe.lpush("{tx}b", ["x"])]
        assert [await reply for reply in replies] == [True, 6, 1]
        if CLUSTER_CLIENT:  # which trips over errors in a transaction without Redpoll, too
            return
        try:
            async with client.pipeline(transaction=True) as pipe:
                pipe.set("{tx}c", "text")
                pipe.lpush("{tx}c", ["y"])
                pipe.set("{tx}d", "ran")
            raise AssertionError("a transaction with a wrong type raised nothing")
        except RedisError as error:
            assert "WRONGTYPE" in str(error) or isinstance(error, WrongTypeError), error
        assert await client.get("{tx}d") == "ran"


async def watch():
    async with connect() as client, connect() as other:
        await client.set("{w}n", 1)
        tries = []

        async def raise_by_one(pipe):
            seen = int(await client.get("{w}n"))
            if not tries:
                await other.set("{w}n", 10)
            tries.append(seen)
            pipe.set("{w}n", seen + 1)

        await client.transaction(raise_by_one, "{w}n", watch_delay=0.01)
        assert tries == [1, 10] and await client.get("{w}n") == "11", tries


async def blocking():
    async with connect() as client, connect() as other:
        waiting = start(client.blpop(["{b}empty", "{b}list"], timeout=5))
        await asyncio.sleep(0.2)
        await other.rpush("{b}list", ["late"])
        assert list(await waiting) == ["{b}list", "late"]
        assert await client.brpop(["{b}empty"], timeout=0.2) is None
        waiting = start(client.xread({"{b}stream": "$"}, block=5000))
        await asyncio.sleep(0.2)
        await other.xadd("{b}stream", {"f": "v"})
        assert "{b}stream" in (await waiting)


async def subscriptions():
    async with connect() as client:
        async with client.pubsub(channels=["news"], ignore_subscribe_messages=True) as listener:
            for number in range(100):
                await client.publish("news", str(number))
            got = []
            while len(got) < 100:
                message = await listener.get_message(timeout=10)
                got += [message["data"]] if message else []
            # In cluster mode each may be published at another node.
            got = sorted(got, key=int) if CLUSTER_CLIENT else got
            assert got == [str(number) for number in range(100)], got


async def scripts():
    async with connect() as client:
        add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
        assert await add(keys=["{e}n"], args=[5]) == 5 and await add(keys=["{e}n"], args=[2]) == 7
        await client.script_flush()
        assert await add(keys=["{e}n"], args=[1]) == 8
        echoed = await client.eval("return {KEYS[1], ARGV[1], 7}", keys=["{e}k"], args=["v"])
        assert list(echoed) == ["{e}k", "v", 7], echoed
        try:
            raise AssertionError(await client.eval("return redis.error_reply('oh no')", keys=["k"]))
        except ResponseError as error:
            assert "oh no" in str(error), error


async def scans():
    async with connect() as client:
        keys = {f"scan:{number}": "x" for number in range(1000)}
        await client.mset(keys)
        found = {key async for key in client.scan_iter(match="scan:*", count=100)}
        assert found == set(keys), len(found)
        await client.hset("scan-hash", {f"f{number}": "x" for number in range(600)})
        fields = {field async for field, _ in client.hscan_iter("scan-hash")}
        assert len(fields) == 600
        if not CLUSTER_CLIENT:
            assert await client.dbsize() >= 1000


async def databases():
    async with connect() as client, connect(db=1) as second:
        await second.set("d:key", "in 1")
        assert await client.get("d:key") is None and await second.get("d:key") == "in 1"


async def reconnecting():
    async with connect() as client:
        await client.set("r:before", "kept")
        cut()
        for _ in range(100):
            try:
                assert await client.get("r:before") == "kept"
                break
            except (Lost, TimeoutError):
                await asyncio.sleep(0.05)
        assert await client.set("r:after", "x") and await client.get("r:after") == "x"


parts = [types, many_keys, pipelines, transactions, scripts, scans, blocking, subscriptions]
if not CLUSTER_CLIENT:
    parts += [watch]
    if not OVER_CLUSTER:
        parts += [databases]
run(*parts, reconnecting)
