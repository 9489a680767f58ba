// ioredis and iovalkey. Argument: the module.
'use strict';

const { assert, clusterClient, cut, eventually, host, overCluster, pause, port, rejects, run,
  waitUntil } = require('./parts');

const library = require(process.argv[2]);
const Client = library.Redis ?? library.default ?? library;

function connect(more = {}) {
  const client = clusterClient ? new Client.Cluster([{ host, port }], { shardedSubscribers: true, ...more })
    : new Client({ host, port, ...more });
  client.on('error', (error) => console.error(`${error}`));
  return client;
}

const client = connect();

const parts = {
  async types() {
    assert.equal(await client.set('t:string', 'x', 'EX', 100), 'OK');
    assert.equal(await client.get('t:string'), 'x');
    assert.equal(await client.set('t:string', 'y', 'NX'), null);
    assert.equal(await client.get('t:none'), null);
    const binary = Buffer.from([0, 255, 13, 10, 128]);
    await client.set('t:binary', binary);
    assert.deepEqual(await client.getBuffer('t:binary'), binary);
    assert.equal(await client.incrby('t:number', 42), 42);
    assert.equal(Number(await client.incrbyfloat('t:number', 0.5)), 42.5);
    assert.equal(await client.hset('t:hash', { a: 1, b: 2 }), 2);
    assert.deepEqual({ ...await client.hgetall('t:hash') }, { a: '1', b: '2' });
    assert.deepEqual(await client.hmget('t:hash', 'a', 'none'), ['1', null]);
    assert.equal(await client.rpush('t:list', 'a', 'b', 'c'), 3);
    assert.deepEqual(await client.lrange('t:list', 0, -1), ['a', 'b', 'c']);
    assert.equal(await client.sadd('t:set', 1, 2, 3), 3);
    assert.deepEqual([...await client.smembers('t:set')].sort(), ['1', '2', '3']);
    assert.equal(await client.zadd('t:zset', 1, 'a', 2.5, 'b'), 2);
    const ranks = await client.zrange('t:zset', 0, -1, 'WITHSCORES');
    assert.deepEqual(ranks.flat().map(String), ['a', '1', 'b', '2.5']);
    const id = await client.xadd('t:stream', '*', 'f', 'v');
    assert.deepEqual(await client.xrange('t:stream', '-', '+'), [[id, ['f', 'v']]]);
    await client.xgroup('CREATE', 't:stream', 'group', '0');
    assert(await client.xreadgroup('GROUP', 'group', 'me', 'STREAMS', 't:stream', '>'));
    assert.equal(await client.xack('t:stream', 'group', id), 1);
    await rejects(client.lpush('t:hash', 'x'), 'WRONGTYPE');
    const big = 'x'.repeat(2_000_000);
    await client.set('t:big', big);
    assert.equal(await client.get('t:big'), big);
  },

  async manyKeys() {
    const tag = clusterClient ? '{m}' : 'm';
    const keys = Array.from({ length: 200 }, (_, number) => `${tag}:${number}`);
    assert.equal(await client.mset(Object.fromEntries(keys.map((key, n) => [key, n]))), 'OK');
    const values = await client.mget(...keys, `${tag}:none`);
    assert.deepEqual(values, [...keys.keys()].map(String).concat(null));
    assert.equal(await client.exists(keys[0], keys[1], `${tag}:none`), 2);
    assert.equal(await client.unlink(keys[0], keys[1]), 2);
    assert.equal(await client.del(...keys), 198);
  },

  async pipelines() {
    const tag = clusterClient ? '{p}' : 'p';
    const pipeline = client.pipeline();
    for (let n = 0; n < 500; n++) pipeline.set(`${tag}:${n}`, n).get(`${tag}:${n}`);
    const replies = await pipeline.exec();
    assert.equal(replies.length, 1000);
    replies.forEach(([error, reply], n) => {
      assert.equal(error, null);
      assert.equal(reply, n % 2 ? String((n - 1) / 2) : 'OK');
    });
    const aside = await Promise.all(Array.from({ length: 300 }, (_, n) => client.incrby(`a:${n}`, n)));
    assert.deepEqual(aside, [...aside.keys()]);
  },

  async transactions() {
    const [, [, six], [, pushed]] = await client.multi().set('{tx}a', 1).incrby('{tx}a', 5)
      .lpush('{tx}b', 'x').exec();
    assert.deepEqual([six, pushed], [6, 1]);
    const replies = await client.multi().set('{tx}c', 'text').lpush('{tx}c', 'y').set('{tx}d', 1)
      .exec();
    assert.match(String(replies[1][0]), /WRONGTYPE/);
    assert.equal(await client.get('{tx}d'), '1');
    await rejects(client.multi().set('{tx}e', 1).call('SET', '{tx}e').exec(), 'EXECABORT');
    assert.equal(await client.get('{tx}e'), null);
  },

  async scripts() {
    client.defineCommand('addTo', {
      numberOfKeys: 1, lua: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
    });
    assert.equal(await client.addTo('{e}n', 5), 5);
    assert.equal(await client.addTo('{e}n', 2), 7);
    assert.deepEqual(await client.eval('return {KEYS[1], ARGV[1], 7}', 1, '{e}k', 'v'),
      ['{e}k', 'v', 7]);
    await rejects(client.eval("return redis.error_reply('ERR oh no')", 1, 'k'), 'oh no');
    await rejects(client.evalsha('0'.repeat(40), 1, 'k'), 'NOSCRIPT');
  },

  async scans() {
    const keys = Array.from({ length: 1000 }, (_, n) => `scan:${n}`);
    await Promise.all(keys.map((key) => client.set(key, 'x')));
    const found = new Set();
    for (const node of clusterClient ? client.nodes('master') : [client]) {
      for await (const page of node.scanStream({ match: 'scan:*', count: 100 })) {
        page.forEach((key) => found.add(key));
      }
    }
    assert.deepEqual([...found].sort(), keys.sort());
    await client.hset('scan-hash', Object.fromEntries(keys.map((key) => [key, 1])));
    const fields = new Set();
    for await (const page of client.hscanStream('scan-hash')) {
      page.forEach((field, n) => { if (n % 2 === 0) fields.add(field); });
    }
    assert.equal(fields.size, 1000);
  },

  async watch() {
    const own = connect(), other = connect();
    await own.set('{w}n', 1);
    await own.watch('{w}n');
    assert.deepEqual(await own.multi().incr('{w}n').exec(), [[null, 2]]);
    await own.watch('{w}n');
    await other.set('{w}n', 10);
    assert.equal(await own.multi().incr('{w}n').exec(), null);
    assert.equal(await other.get('{w}n'), '10');
    own.disconnect(); other.disconnect();
  },

  async blocking() {
    const own = connect();
    const popped = own.blpop('{b}empty', '{b}list', 5);
    await pause(200);
    await client.rpush('{b}list', 'late');
    assert.deepEqual(await popped, ['{b}list', 'late']);
    assert.equal(await own.brpop('{b}empty', 0.2), null);
    await client.zadd('{b}zset', 1, 'a');
    assert.deepEqual((await own.bzpopmin('{b}zset', 1)).map(String), ['{b}zset', 'a', '1']);
    const read = own.xread('BLOCK', 5000, 'STREAMS', '{b}stream', '$');
    await pause(200);
    await client.xadd('{b}stream', '*', 'f', 'v');
    assert(JSON.stringify(await read).includes('"f","v"'));
    own.disconnect();
  },

  async subscriptions() {
    const own = connect(), got = [];
    own.on('message', (channel, message) => got.push(message));
    own.on('pmessage', (pattern, channel, message) => got.push(`p${message}`));
    await own.subscribe('news');
    await own.psubscribe('ne*');
    await client.publish('news', 'hello');
    await waitUntil(() => got.length === 2);
    assert.deepEqual(got.splice(0).sort(), ['hello', 'phello']);
    await own.punsubscribe('ne*');
    for (let n = 0; n < 100; n++) client.publish('news', n);
    await waitUntil(() => got.length === 100);
    // In cluster mode each may be published at another node.
    if (clusterClient) got.sort((a, b) => a - b);
    assert.deepEqual(got, [...got.keys()].map(String));
    own.disconnect();
  },

  async shardedSubscriptions() {
    const own = connect(), got = [];
    own.on('smessage', (channel, message) => got.push(message));
    await own.ssubscribe('{s}news');
    await client.spublish('{s}news', 'hello');
    await waitUntil(() => got.length === 1);
    assert.deepEqual(got, ['hello']);
    own.disconnect();
  },

  async databases() {
    const second = connect({ db: 1 });
    await second.set('d:key', 'in 1');
    assert.equal(await client.get('d:key'), null);
    assert.equal(await second.get('d:key'), 'in 1');
    second.disconnect();
  },

  async reconnecting() {
    await client.set('r:before', 'kept');
    await cut();
    assert.equal(await eventually(() => client.get('r:before')), 'kept');
    await client.set('r:after', 'x');
    assert.equal(await client.get('r:after'), 'x');
  },
};

if (clusterClient || overCluster) delete parts.databases;
run(parts);
