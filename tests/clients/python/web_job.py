"""What a web application keeps in Redis: Django's cache, Flask's sessions, rate limits and locks.
Argument: which of them."""

import sys
import threading
import time

from parts import HOST, OVER_CLUSTER, PORT, cut, eventually, raises, run

URL = f"redis://{HOST}:{PORT}/0"


def django_redis():
    import django
    from django.conf import settings

    settings.configure(CACHES={"default": {
        "BACKEND": "django_redis.cache.RedisCache", "LOCATION": URL,
        # It writes many keys in one transaction: over a cluster they need a hash tag.
        "KEY_PREFIX": "{cache}" if OVER_CLUSTER else "",
        "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"}}})
    django.setup()
    from django.core.cache import cache

    def values():
        cache.set("key", {"any": "value"}, timeout=60)
        assert cache.get("key") == {"any": "value"} and 50 < cache.ttl("key") <= 60
        assert cache.add("key", "other") is False and cache.get("none", "default") == "default"
        cache.set("count", 1)
        assert cache.incr("count") == 2 and cache.decr("count") == 1
        cache.set_many({f"m:{number}": number for number in range(50)})
        assert cache.get_many([f"m:{number}" for number in range(50)]) == {
            f"m:{number}": number for number in range(50)}
        assert cache.touch("key", 100) and cache.get_or_set("fresh", lambda: 7) == 7
        cache.delete_many(["m:0", "m:1"])
        assert cache.get("m:0") is None

    def patterns():
        cache.set_many({f"p:{number}": number for number in range(500)})
        assert len(cache.keys("p:*")) == 500 and len(set(cache.iter_keys("p:*"))) == 500
        assert cache.delete_pattern("p:*") == 500
        cache.clear()
        assert cache.keys("*") == []

    def locks():
        with cache.lock("a lock", timeout=5, blocking_timeout=1):
            assert cache.lock("a lock", timeout=5).acquire(blocking=False) is False
        assert cache.lock("a lock", timeout=5).acquire(blocking=False) is True

    def after_a_restart():
        cache.set("kept", 1)
        cut()
        assert eventually(lambda: cache.get("kept"), Exception) == 1

    return values, patterns, locks, after_a_restart


def flask_session():
    import redis
    from flask import Flask, session
    from flask_session import Session

    app = Flask("job")
    app.config.update(SESSION_TYPE="redis", SESSION_REDIS=redis.Redis.from_url(URL))
    Session(app)

    @app.route("/count")
    def count():
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.route("/leave")
    def leave():
        session.clear()
        return "left"

    def sessions():
        one, other = app.test_client(), app.test_client()
        assert [one.get("/count").text for _ in range(3)] == ["1", "2", "3"]
        assert other.get("/count").text == "1" and one.get("/leave").text == "left"
        assert one.get("/count").text == "1" and other.get("/count").text == "2"

    def after_a_restart():
        one = app.test_client()
        assert one.get("/count").text == "1"
        cut()
        assert eventually(lambda: one.get("/count").text, Exception) == "2"

    return sessions, after_a_restart


def limits():
    import limits as library

    def windows():
        storage = library.storage.storage_from_string(URL)
        for strategy in (library.strategies.FixedWindowRateLimiter,
                         library.strategies.MovingWindowRateLimiter,
                         library.strategies.SlidingWindowCounterRateLimiter):
            limiter = strategy(storage)
            allowed = library.parse("5 per minute")
            name = strategy.__name__
            hits = [limiter.hit(allowed, name, "user") for _ in range(7)]
            assert hits == [True] * 5 + [False] * 2, (name, hits)
            assert limiter.get_window_stats(allowed, name, "user").remaining == 0, name
        assert storage.check()

    def forgetting_all():
        storage = library.storage.storage_from_string(URL)
        limiter = library.strategies.FixedWindowRateLimiter(storage)
        once = library.parse("1 per minute")
        assert [limiter.hit(once, "again") for _ in range(2)] == [True, False]
        assert storage.reset() >= 1 and limiter.hit(once, "again") is True

    return windows, forgetting_all


def redis_lock():
    import redis
    import redis_lock as library

    def locks():
        client = redis.Redis.from_url(URL)
        lock = library.Lock(client, "{lock}name", expire=5)
        assert lock.acquire(blocking=False)
        assert library.Lock(client, "{lock}name", expire=5).acquire(blocking=False) is False
        lock.extend(10)
        lock.release()
        raises(library.NotAcquired, "", lock.release)

    def waiting_for_a_lock():
        client = redis.Redis.from_url(URL)
        held = library.Lock(client, "{lock}held", expire=9)
        assert held.acquire(blocking=False)
        began = time.monotonic()
        threading.Timer(0.5, held.release).start()
        assert library.Lock(client, "{lock}held", expire=9).acquire(timeout=4)
        assert 0.4 < time.monotonic() - began < 3

    return locks, waiting_for_a_lock


def redlock():
    from redlock import Redlock

    def locks():
        manager = Redlock([{"host": HOST, "port": PORT, "db": 0}])
        lock = manager.lock("resource", 5000)
        assert lock and manager.lock("resource", 5000) is False
        manager.unlock(lock)
        assert manager.lock("resource", 5000)

    return (locks,)


run(*globals()[sys.argv[1]]())
