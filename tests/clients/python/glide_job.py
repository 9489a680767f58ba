"""valkey-glide for Python, with its defaults: RESP3, one multiplexed connection in Rust."""

import asyncio

from glide import (
    Batch, ClusterBatch, GlideClient, GlideClientConfiguration, GlideClusterClient,
    GlideClusterClientConfiguration, NodeAddress, RequestError, Script, StreamReadOptions,
)

from parts import CLUSTER_CLIENT, HOST, OVER_CLUSTER, PORT, cut, run

ADDRESSES = [NodeAddress(HOST, PORT)]


async def connect(**more):
    if CLUSTER_CLIENT:
        config = GlideClusterClientConfiguration(ADDRESSES, request_timeout=5000, **more)
        return await GlideClusterClient.create(config)
    config = GlideClientConfiguration(ADDRESSES, request_timeout=5000, **more)
    return await GlideClient.create(config)


def batch(is_atomic):
    return (ClusterBatch if CLUSTER_CLIENT else Batch)(is_atomic=is_atomic)


async def types():
    client = await connect()
    assert await client.set("t:string", "x") == "OK" and await client.get("t:string") == b"x"
    assert await client.get("t:none") is None
    assert await client.incrby("t:number", 42) == 42
    assert await client.incrbyfloat("t:number", 0.5) == 42.5
    assert await client.hset("t:hash", {"a": "1", "b": "2"}) == 2
    assert await client.hgetall("t:hash") == {b"a": b"1", b"b": b"2"}
    assert await client.hmget("t:hash", ["a", "none"]) == [b"1", None]
    assert await client.rpush("t:list", list("abc")) == 3
    assert await client.lrange("t:list", 0, -1) == [b"a", b"b", b"c"]
    assert await client.sadd("t:set", list("123")) == 3
    assert await client.smembers("t:set") == {b"1", b"2", b"3"}
    assert await client.zadd("t:zset", {"a": 1, "b": 2.5}) == 2
    assert await client.zscore("t:zset", "b") == 2.5
    identifier = await client.xadd("t:stream", [("f", "v")])
    assert await client.xread({"t:stream": "0"}) == {b"t:stream": {identifier: [[b"f", b"v"]]}}
    try:
        raise AssertionError(await client.lpush("t:hash", ["x"]))
    except RequestError as error:
        assert "WrongType" in str(error) or "WRONGTYPE" in str(error), error
    big = b"x" * 2_000_000
    assert await client.set("t:big", big) == "OK" and await client.get("t:big") == big
    assert b"redis_version" in str(await client.info()).encode()


async def many_keys():
    client = await connect()
    keys = {f"m:{number}": str(number) for number in range(200)}
    assert await client.mset(keys) == "OK"
    values = await client.mget([*keys, "m:none"])
    assert values == [value.encode() for value in keys.values()] + [None]
    assert await client.exists(["m:1", "m:2", "m:none"]) == 2
    assert await client.unlink(["m:0", "m:1"]) == 2 and await client.delete(list(keys)) == 198


async def pipelines():
    client = await connect()
    asked = batch(is_atomic=False)
    for number in range(500):
        asked.set(f"p:{number}", str(number))
        asked.get(f"p:{number}")
    expected = [value for n in range(500) for value in ("OK", b"%d" % n)]
    assert await client.exec(asked, raise_on_error=True) == expected
    sums = await asyncio.gather(*(client.incrby(f"g:{number}", number) for number in range(200)))
    assert sums == list(range(200))


async def transactions():
    client = await connect()
    asked = batch(is_atomic=True)
    asked.set("{tx}a", "1").incrby("{tx}a", 5).lpush("{tx}b", ["x"])
    assert await client.exec(asked, raise_on_error=True) == ["OK", 6, 1]
    asked = batch(is_atomic=True)
    asked.set("{tx}c", "text").lpush("{tx}c", ["y"]).set("{tx}d", "ran")
    done, error, ran = await client.exec(asked, raise_on_error=False)
    assert (done, ran) == ("OK", "OK") and isinstance(error, RequestError), (done, error, ran)


async def watch():
    client, other = await connect(), await connect()
    await client.set("{w}n", "1")
    await client.watch(["{w}n"])
    asked = batch(is_atomic=True)
    asked.incr("{w}n")
    assert await client.exec(asked, raise_on_error=True) == [2]
    await client.watch(["{w}n"])
    await other.set("{w}n", "10")
    assert await client.exec(asked, raise_on_error=True) is None
    assert await other.get("{w}n") == b"10"


async def blocking():
    client, other = await connect(), await connect()
    waiting = asyncio.create_task(client.blpop(["{b}empty", "{b}list"], 5))
    await asyncio.sleep(0.2)
    await other.rpush("{b}list", ["late"])
    assert await waiting == [b"{b}list", b"late"]
    assert await client.brpop(["{b}empty"], 0.2) is None
    read = client.xread({"{b}stream": "$"}, StreamReadOptions(block_ms=4000))
    waiting = asyncio.create_task(read)
    await asyncio.sleep(0.2)
    await other.xadd("{b}stream", [("f", "v")])
    assert b"{b}stream" in await waiting


async def subscriptions():
    cls = GlideClusterClientConfiguration if CLUSTER_CLIENT else GlideClientConfiguration
    exact = {cls.PubSubChannelModes.Exact: {"news"}}
    listener = await connect(pubsub_subscriptions=cls.PubSubSubscriptions(exact, None, None))
    client = await connect()
    for number in range(100):
        await client.publish(str(number), "news")
    got = [(await listener.get_pubsub_message()).message for _ in range(100)]
    # In cluster mode each may be published at another node.
    got = sorted(got, key=int) if CLUSTER_CLIENT else got
    assert got == [b"%d" % number for number in range(100)], got


async def scripts():
    client = await connect()
    add = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert await client.invoke_script(add, keys=["{e}n"], args=["5"]) == 5
    assert await client.invoke_script(add, keys=["{e}n"], args=["2"]) == 7
    await client.script_flush()
    assert await client.invoke_script(add, keys=["{e}n"], args=["1"]) == 8


async def databases():
    client, second = await connect(), await connect(database_id=1)
    await second.set("d:key", "in 1")
    assert await client.get("d:key") is None and await second.get("d:key") == b"in 1"


async def reconnecting():
    client = await connect()
    await client.set("r:before", "kept")
    cut()
    for attempt in range(100):
        try:
            assert await client.get("r:before") == b"kept"
            break
        except Exception:
            assert attempt < 99
            await asyncio.sleep(0.05)
    assert await client.set("r:after", "x") == "OK" and await client.get("r:after") == b"x"


parts = [types, many_keys, pipelines, transactions, scripts, blocking, subscriptions]
if not CLUSTER_CLIENT:
    parts += [watch]
    if not OVER_CLUSTER:
        parts += [databases]
run(*parts, reconnecting)
