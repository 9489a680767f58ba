"""redis-py and valkey-py. Arguments: the module, and the protocol if not its default."""

import importlib
import sys
import threading
import time

from parts import CLUSTER_CLIENT, HOST, OVER_CLUSTER, PORT, cut, eventually, raises, run, wait_until

library = importlib.import_module(sys.argv[1])
options = {"decode_responses": True}
if len(sys.argv) > 2:
    options["protocol"] = int(sys.argv[2])
name = {"redis": "Redis", "valkey": "Valkey"}[library.__name__]
major = int(library.__version__.split(".")[0])
ResponseError = library.exceptions.ResponseError
LOST = (library.exceptions.ConnectionError, library.exceptions.TimeoutError)


def connect(**more):
    cls = getattr(library, f"{name}Cluster" if CLUSTER_CLIENT else name)
    return cls(host=HOST, port=PORT, **options, **more)


client = eventually(connect, LOST)
# What SET gives in a transaction.
SET = "OK" if CLUSTER_CLIENT else True


def types():
    assert client.ping() is True
    assert client.set("t:string", "x", ex=100) is True and client.get("t:string") == "x"
    assert client.set("t:string", "y", nx=True) is None
    assert client.set("t:string", "z", get=True) == "x" and client.ttl("t:string") == -1
    assert client.get("t:none") is None and client.append("t:string", "!") == 2
    assert client.incrby("t:number", 41) == 41 and client.incrbyfloat("t:number", 1.5) == 42.5
    assert client.hset("t:hash", mapping={"a": 1, "b": 2}) == 2
    assert client.hgetall("t:hash") == {"a": "1", "b": "2"}
    assert client.hmget("t:hash", "a", "none") == ["1", None]
    assert client.rpush("t:list", *"abc") == 3 and client.lrange("t:list", 0, -1) == list("abc")
    assert client.lpop("t:list", 2) == ["a", "b"] and client.llen("t:list") == 1
    assert client.sadd("t:set", 1, 2, 3) == 3 and set(client.smembers("t:set")) == set("123")
    assert bool(client.sismember("t:set", 2)) is True
    assert client.zadd("t:zset", {"a": 1, "b": 2.5}) == 2 and client.zscore("t:zset", "b") == 2.5
    ranks = client.zrange("t:zset", 0, -1, withscores=True)
    assert [tuple(pair) for pair in ranks] == [("a", 1.0), ("b", 2.5)], ranks
    first = client.xadd("t:stream", {"f": "v"})
    assert client.xrange("t:stream") == [(first, {"f": "v"})]
    assert client.xgroup_create("t:stream", "group", id="0") is True
    assert client.xreadgroup("group", "me", {"t:stream": ">"}) and client.xack(
        "t:stream", "group", first) == 1
    assert client.setbit("t:bits", 7, 1) == 0 and client.bitcount("t:bits") == 1
    assert client.pfadd("t:hll", *range(100)) == 1 and 90 < client.pfcount("t:hll") < 110
    assert client.geoadd("t:geo", [13.4, 52.5, "Berlin", 2.35, 48.85, "Paris"]) == 2
    assert 870 < client.geodist("t:geo", "Berlin", "Paris", unit="km") < 890
    raises(ResponseError, "WRONGTYPE", lambda: client.lpush("t:hash", "x"))
    if not CLUSTER_CLIENT:  # which asks the server first where the keys of a command are
        raises(ResponseError, "unknown command", lambda: client.execute_command("NOSUCH", "key"))
    big = "x" * 2_000_000
    assert client.set("t:big", big) and client.get("t:big") == big
    assert client.info("server")


def many_keys():
    keys = {f"m:{number}": str(number) for number in range(200)}
    assert (client.mset_nonatomic if CLUSTER_CLIENT else client.mset)(keys)
    mget = client.mget_nonatomic if CLUSTER_CLIENT else client.mget
    assert mget(list(keys) + ["m:none"]) == list(keys.values()) + [None]
    assert client.exists("m:1", "m:2", "m:none") == 2 and client.touch("m:1", "m:2") == 2
    assert client.unlink("m:0", "m:1") == 2 and client.delete(*keys) == 198


def pipelines():
    with client.pipeline(transaction=False) as pipe:
        for number in range(500):
            pipe.set(f"p:{number}", number).get(f"p:{number}")
        expected = [value for number in range(500) for value in (True, str(number))]
        assert pipe.execute() == expected
        pipe.set("p:text", "x").incr("p:text").get("p:text")
        _, error, text = pipe.execute(raise_on_error=False)
        assert isinstance(error, ResponseError) and text == "x", (error, text)


def transactions():
    with client.pipeline(transaction=True) as pipe:
        pipe.set("{tx}a", 1).incrby("{tx}a", 5).lpush("{tx}b", "x").lrange("{tx}b", 0, -1)
        ran = pipe.execute()
        assert ran == [SET, 6, 1, ["x"]], ran
    with client.pipeline(transaction=True) as pipe:
        pipe.set("{tx}c", "text").lpush("{tx}c", "y").set("{tx}d", "ran")
        raises(ResponseError, "WRONGTYPE", pipe.execute)
    assert client.get("{tx}d") == "ran"
    pipe = client.pipeline(transaction=True)
    pipe.set("{tx}e", 1).execute_command("SET", "{tx}e")
    raises(ResponseError, "wrong number of arguments", pipe.execute)
    assert client.get("{tx}e") is None


def watch():
    other = connect()
    client.set("{w}n", 1)
    with client.pipeline(transaction=True) as pipe:
        pipe.watch("{w}n")
        seen = int(pipe.get("{w}n"))
        pipe.multi()
        pipe.set("{w}n", seen + 1)
        ran, now = pipe.execute(), client.get("{w}n")
        assert ran == [SET] and now == "2", (ran, now)
        pipe.watch("{w}n")
        other.set("{w}n", 10)
        pipe.multi()
        pipe.set("{w}n", 3)
        try:
            raise AssertionError(f"a stale transaction gave {pipe.execute()}")
        except library.exceptions.WatchError:
            pass
    assert client.get("{w}n") == "10"
    if not CLUSTER_CLIENT:
        add = client.transaction(lambda p: (p.multi(), p.incr("{w}n")), "{w}n")
        assert add == [11], add


def blocking():
    pushed = threading.Timer(0.3, lambda: connect().rpush("{b}list", "late"))
    pushed.start()
    began = time.monotonic()
    popped = client.blpop(["{b}empty", "{b}list"], timeout=5)
    assert list(popped) == ["{b}list", "late"], popped
    assert 0.2 < time.monotonic() - began < 4
    began = time.monotonic()
    assert client.brpop("{b}empty", timeout=1) is None and 0.9 < time.monotonic() - began < 3
    client.zadd("{b}zset", {"a": 1})
    score = client.bzpopmin("{b}zset", timeout=1)
    assert list(score) == ["{b}zset", "a", 1.0], score
    client.rpush("{b}from", "x")
    assert client.blmove("{b}from", "{b}to", 1, "LEFT", "RIGHT") == "x"
    threading.Timer(0.2, lambda: connect().xadd("{b}stream", {"f": "v"})).start()
    got = client.xread({"{b}stream": "$"}, block=5000)
    assert got and "{b}stream" in str(got), got


def subscriptions():
    listener = client.pubsub()
    listener.subscribe("news")
    listener.psubscribe("ne*")
    first = [next_message(listener) for _ in range(2)]
    assert [message["type"] for message in first] == ["subscribe", "psubscribe"], first
    assert client.publish("news", "hello") >= (0 if OVER_CLUSTER else 2)
    got = sorted(next_message(listener)["type"] for _ in range(2))
    assert got == ["message", "pmessage"], got
    listener.unsubscribe("news")
    assert next_message(listener)["type"] == "unsubscribe"
    for number in range(100):
        client.publish("news", number)
    got = [next_message(listener)["data"] for _ in range(100)]
    assert got == [str(number) for number in range(100)], got
    listener.close()


def sharded_subscriptions():
    listener = client.pubsub()
    listener.ssubscribe("{s}news")
    read = listener.get_sharded_message if CLUSTER_CLIENT else listener.get_message
    first = wait_until(lambda: read(timeout=0.1))
    assert first["type"] == "ssubscribe", first
    client.spublish("{s}news", "hello")
    message = wait_until(lambda: read(timeout=0.1))
    assert (message["type"], message["data"]) == ("smessage", "hello"), message
    listener.close()


def next_message(listener):
    return wait_until(lambda: listener.get_message(timeout=0.1))


def scripts():
    add = client.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    assert add(keys=["{e}n"], args=[5]) == 5 and add(keys=["{e}n"], args=[2]) == 7
    client.script_flush()
    assert add(keys=["{e}n"], args=[1]) == 8
    assert client.eval("return {KEYS[1], ARGV[1], 7}", 1, "{e}k", "v") == ["{e}k", "v", 7]
    raises(ResponseError, "oh no", lambda: client.eval("return redis.error_reply('oh no')", 1, "k"))
    sha = client.script_load("return redis.call('GET', KEYS[1])")
    assert [client.evalsha(sha, 1, f"e:{n}") for n in range(20)] == [None] * 20
    if not CLUSTER_CLIENT:
        with client.pipeline() as pipe:
            add(keys=["{e}n"], args=[10], client=pipe)
            assert pipe.execute() == [18]


def scans():
    for number in range(1000):
        client.set(f"scan:{number}", number)
    found = set(client.scan_iter("scan:*", count=100))
    assert found == {f"scan:{number}" for number in range(1000)}, len(found)
    everywhere = {"target_nodes": "primaries"} if CLUSTER_CLIENT else {}
    assert len(client.keys("scan:99*", **everywhere)) == 11
    assert client.dbsize(**everywhere) >= 1000
    client.hset("scan-hash", mapping={f"f{number}": number for number in range(600)})
    assert len(dict(client.hscan_iter("scan-hash"))) == 600
    client.sadd("scan-set", *range(600))
    assert len(set(client.sscan_iter("scan-set"))) == 600


def databases():
    second = connect(db=1)
    assert second.set("d:key", "in 1") and client.get("d:key") is None
    assert second.get("d:key") == "in 1" and second.dbsize() == 1
    assert second.flushdb() and client.dbsize() > 0


def threads():
    failures = []

    def work(number):
        for step in range(100):
            client.set(f"th:{number}", f"{number}:{step}")
            if client.get(f"th:{number}") != f"{number}:{step}":
                failures.append((number, step))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures, failures


def reconnecting():
    assert client.set("r:before", "kept")
    cut()
    assert eventually(lambda: client.get("r:before"), LOST) == "kept"
    assert client.set("r:after", "x") and client.get("r:after") == "x"


parts = [types, many_keys, pipelines, scripts, scans, threads, blocking, subscriptions]
if not CLUSTER_CLIENT or major >= 8:
    parts += [transactions, watch]
parts += [sharded_subscriptions]
if not CLUSTER_CLIENT and not OVER_CLUSTER:
    parts += [databases]
run(*parts, reconnecting)
