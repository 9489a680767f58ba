// What a web application keeps in Redis: chat over several servers, sessions, rate limits and
// locks. Argument: which.
'use strict';

const { once } = require('node:events');
const http = require('node:http');

const { assert, cut, eventually, host, pause, port, rejects, run, waitUntil } = require('./parts');

/** A client of node-redis that is connected. */
async function nodeRedis() {
  const client = require('redis').createClient({ socket: { host, port } });
  client.on('error', (error) => console.error(`${error}`));
  return client.connect();
}

/** A client of ioredis. */
function ioredis() {
  const client = new (require('ioredis'))({ host, port });
  client.on('error', (error) => console.error(`${error}`));
  return client;
}

// How many of socket.io's servers run.
let servers = 0;

/** Three servers of socket.io with this adapter between them, and a client at each. */
async function chat(adapter) {
  const { Server } = require('socket.io');
  const { io: connect } = require('socket.io-client');
  const rooms = [];
  for (let number = 0; number < 3; number++) {
    const server = http.createServer();
    const io = new Server(server, { adapter: await adapter() });
    io.on('connection', (socket) => socket.join('room'));
    server.listen(0, host);
    await once(server, 'listening');
    const socket = connect(`http://${host}:${server.address().port}`, { transports: ['websocket'] });
    const got = [];
    socket.on('said', (words) => got.push(words));
    await once(socket, 'connect');
    rooms.push({ io, got });
    servers += 1;
  }
  return rooms;
}

/** Checks that who asks for the sockets of a room hears of those at all servers. */
async function everybody({ io }) {
  await pause(200);
  const { length } = await io.in('room').fetchSockets();
  assert.equal(length, servers, `found the sockets of ${length} of ${servers} servers`);
}

const parts = {
  'socket.io': () => {
    const { createAdapter } = require('@socket.io/redis-adapter');
    return {
      async broadcasts() {
        const all = await chat(async () => createAdapter(await nodeRedis(), await nodeRedis()));
        all[0].io.to('room').emit('said', 'hello');
        await waitUntil(() => all.every(({ got }) => got.length === 1));
        assert.deepEqual(all.flatMap(({ got }) => got), ['hello', 'hello', 'hello']);
      },

      async roomsOfAllServers() {
        const [one] = await chat(async () => createAdapter(await nodeRedis(), await nodeRedis()));
        await everybody(one);
      },

      async afterARestart() {
        const [one, other] = await chat(async () => createAdapter(await nodeRedis(), await nodeRedis()));
        await cut();
        await waitUntil(async () => {
          one.io.to('room').emit('said', 'again');
          await pause(50);
          return other.got.length > 0;
        });
      },
    };
  },

  'socket.io-sharded': () => {
    const { createShardedAdapter } = require('@socket.io/redis-adapter');
    return {
      async broadcasts() {
        const [one, other] = await chat(async () =>
          createShardedAdapter(await nodeRedis(), await nodeRedis()));
        await waitUntil(async () => {
          one.io.to('room').emit('said', 'hello');
          await pause(50);
          return other.got.includes('hello');
        });
      },

      async roomsOfAllServers() {
        const [one] = await chat(async () =>
          createShardedAdapter(await nodeRedis(), await nodeRedis()));
        await everybody(one);
      },
    };
  },

  redlock: () => {
    const Redlock = require('redlock');
    return {
      async locks() {
        const locker = new Redlock([ioredis()], { retryCount: 2, retryDelay: 50 });
        const lock = await locker.lock('resource', 5000);
        await rejects(locker.lock('resource', 5000), 'Exceeded 2 attempts');
        await (await lock.extend(5000)).unlock();
        const again = await locker.lock('resource', 500);
        const waited = new Redlock([ioredis()], { retryCount: 20, retryDelay: 100 });
        await (await waited.lock('resource', 1000)).unlock();
        await rejects(again.unlock(), '');
      },
    };
  },

  'rate-limiter-flexible': () => {
    const { RateLimiterRedis } = require('rate-limiter-flexible');
    return {
      async limits() {
        const limiter = new RateLimiterRedis({ storeClient: ioredis(), points: 5, duration: 60 });
        const hits = await Promise.allSettled(
          Array.from({ length: 8 }, () => limiter.consume('user')));
        assert.equal(hits.filter((hit) => hit.status === 'fulfilled').length, 5);
        assert.equal((await limiter.get('user')).consumedPoints, 8);
        await limiter.delete('user');
        assert.equal((await limiter.consume('user')).remainingPoints, 4);
      },

      async afterARestart() {
        const limiter = new RateLimiterRedis({ storeClient: ioredis(), points: 5, duration: 60 });
        await limiter.consume('other');
        await cut();
        assert.equal((await eventually(() => limiter.consume('other'))).remainingPoints, 3);
      },
    };
  },

  'rate-limit-redis': () => {
    const { RedisStore } = require('rate-limit-redis');
    return {
      async limits() {
        const client = ioredis();
        const store = new RedisStore({ sendCommand: (...words) => client.call(...words) });
        await store.init({ windowMs: 60_000 });
        const hits = [];
        for (let n = 0; n < 3; n++) hits.push((await store.increment('user')).totalHits);
        assert.deepEqual(hits, [1, 2, 3]);
        await store.decrement('user');
        assert.equal((await store.get('user')).totalHits, 2);
        await store.resetKey('user');
        assert.equal((await store.increment('user')).totalHits, 1);
      },
    };
  },

  'connect-redis': () => {
    const { RedisStore } = require('connect-redis');
    const call = (store, name, ...words) => new Promise((resolve, reject) => {
      store[name](...words, (error, found) => (error ? reject(error) : resolve(found)));
    });
    return {
      async sessions() {
        const store = new RedisStore({ client: await nodeRedis(), scanCount: 10 });
        const session = { cookie: { originalMaxAge: null }, user: 'me' };
        for (let n = 0; n < 50; n++) await call(store, 'set', `s${n}`, session);
        assert.deepEqual(await call(store, 'get', 's7'), session);
        await call(store, 'touch', 's7', session);
        assert.equal(await call(store, 'length'), 50);
        assert.equal((await call(store, 'all')).length, 50);
        await call(store, 'destroy', 's7');
        assert.equal((await call(store, 'ids')).length, 49);
        await call(store, 'clear');
        assert.equal(await call(store, 'length'), 0);
      },
    };
  },
};

run(parts[process.argv[2]]());
