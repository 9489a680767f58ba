// node-redis. Argument: the protocol.
'use strict';

const { assert, clusterClient, cut, eventually, host, overCluster, pause, port, rejects, run,
  waitUntil } = require('./parts');
const { createClient, createCluster, defineScript, WatchError } = require('redis');

const RESP = Number(process.argv[2]);
const add = defineScript({
  SCRIPT: "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  NUMBER_OF_KEYS: 1,
  FIRST_KEY_INDEX: 1,
  parseCommand(parser, key, amount) { parser.pushKey(key); parser.push(String(amount)); },
  transformReply: (reply) => reply,
});

async function connect(more = {}) {
  const scripts = { add };
  const client = clusterClient
    ? createCluster({ rootNodes: [{ url: `redis://${host}:${port}` }], RESP, scripts })
    : createClient({ socket: { host, port }, RESP, scripts, ...more });
  client.on('error', (error) => console.error(`${error}`));
  await client.connect();
  return client;
}

async function main() {
  const client = await connect();
  const parts = {
    async types() {
      assert.equal(await client.set('t:string', 'x', { EX: 100 }), 'OK');
      assert.equal(await client.get('t:string'), 'x');
      assert.equal(await client.set('t:string', 'y', { NX: true }), null);
      assert.equal(await client.get('t:none'), null);
      assert.equal(await client.incrBy('t:number', 42), 42);
      assert.equal(Number(await client.incrByFloat('t:number', 0.5)), 42.5);
      assert.equal(await client.hSet('t:hash', { a: '1', b: '2' }), 2);
      assert.deepEqual({ ...await client.hGetAll('t:hash') }, { a: '1', b: '2' });
      assert.deepEqual(await client.hmGet('t:hash', ['a', 'none']), ['1', null]);
      assert.equal(await client.rPush('t:list', ['a', 'b', 'c']), 3);
      assert.deepEqual(await client.lRange('t:list', 0, -1), ['a', 'b', 'c']);
      assert.equal(await client.sAdd('t:set', ['1', '2', '3']), 3);
      assert.deepEqual([...await client.sMembers('t:set')].sort(), ['1', '2', '3']);
      assert.equal(await client.zAdd('t:zset', [{ score: 1, value: 'a' }, { score: 2.5, value: 'b' }]), 2);
      assert.deepEqual((await client.zRangeWithScores('t:zset', 0, -1)).map((r) => [r.value, r.score]),
        [['a', 1], ['b', 2.5]]);
      const id = await client.xAdd('t:stream', '*', { f: 'v' });
      const [entry] = await client.xRange('t:stream', '-', '+');
      assert.deepEqual([entry.id, { ...entry.message }], [id, { f: 'v' }]);
      await client.xGroupCreate('t:stream', 'group', '0');
      assert(await client.xReadGroup('group', 'me', { key: 't:stream', id: '>' }));
      assert.equal(await client.xAck('t:stream', 'group', id), 1);
      await rejects(client.lPush('t:hash', 'x'), 'WRONGTYPE');
      const big = 'x'.repeat(2_000_000);
      await client.set('t:big', big);
      assert.equal(await client.get('t:big'), big);
    },

    async manyKeys() {
      const tag = clusterClient ? '{m}' : 'm';
      const keys = Array.from({ length: 200 }, (_, number) => `${tag}:${number}`);
      assert.equal(await client.mSet(keys.map((key, n) => [key, String(n)])), 'OK');
      const values = await client.mGet([...keys, `${tag}:none`]);
      assert.deepEqual(values, [...keys.keys()].map(String).concat(null));
      assert.equal(await client.exists([keys[0], keys[1], `${tag}:none`]), 2);
      assert.equal(await client.unlink([keys[0], keys[1]]), 2);
      assert.equal(await client.del(keys), 198);
    },

    async pipelines() {
      const asked = [];
      for (let n = 0; n < 500; n++) asked.push(client.set(`p:${n}`, n), client.get(`p:${n}`));
      const replies = await Promise.all(asked);
      replies.forEach((reply, n) => assert.equal(reply, n % 2 ? String((n - 1) / 2) : 'OK'));
    },

    async transactions() {
      const ran = await client.multi().set('{tx}a', '1').incrBy('{tx}a', 5).lPush('{tx}b', 'x').exec();
      assert.deepEqual(ran, ['OK', 6, 1]);
      await rejects(client.multi().set('{tx}c', 'text').lPush('{tx}c', 'y').set('{tx}d', '1').exec(),
        'WRONGTYPE');
      assert.equal(await client.get('{tx}d'), '1');
      const wrong = clusterClient ? ['{tx}e', false, ['SET', '{tx}e']] : [['SET', '{tx}e']];
      await rejects(client.multi().set('{tx}e', '1').addCommand(...wrong).exec(), 'wrong number');
      assert.equal(await client.get('{tx}e'), null);
    },

    async scripts() {
      assert.equal(await client.add('{e}n', 5), 5);
      assert.equal(await client.add('{e}n', 2), 7);
      const echo = { keys: ['{e}k'], arguments: ['v'] };
      assert.deepEqual(await client.eval('return {KEYS[1], ARGV[1], 7}', echo), ['{e}k', 'v', 7]);
      await rejects(client.eval("return redis.error_reply('ERR oh no')", echo), 'oh no');
      await rejects(client.evalSha('0'.repeat(40), echo), 'NOSCRIPT');
    },

    async scans() {
      const keys = Array.from({ length: 1000 }, (_, n) => `scan:${n}`);
      await Promise.all(keys.map((key) => client.set(key, 'x')));
      const found = new Set();
      const nodes = clusterClient
        ? await Promise.all(client.masters.map((node) => client.nodeClient(node))) : [client];
      for (const node of nodes) {
        for await (const page of node.scanIterator({ MATCH: 'scan:*', COUNT: 100 })) {
          page.forEach((key) => found.add(key));
        }
      }
      assert.deepEqual([...found].sort(), keys.sort());
      await client.hSet('scan-hash', Object.fromEntries(keys.map((key) => [key, '1'])));
      const fields = new Set();
      let cursor = '0';
      do {
        const page = await client.hScan('scan-hash', cursor);
        page.entries.forEach(({ field }) => fields.add(field));
        cursor = page.cursor;
      } while (cursor !== '0');
      assert.equal(fields.size, 1000);
    },

    async watch() {
      const own = await connect();
      await own.set('{w}n', '1');
      await own.watch('{w}n');
      assert.deepEqual(await own.multi().incr('{w}n').exec(), [2]);
      await own.watch('{w}n');
      await client.set('{w}n', '10');
      await assert.rejects(own.multi().incr('{w}n').exec(), WatchError);
      assert.equal(await client.get('{w}n'), '10');
      own.destroy();
    },

    async blocking() {
      const own = await connect();
      const popped = own.blPop(['{b}empty', '{b}list'], 5);
      await pause(200);
      await client.rPush('{b}list', 'late');
      assert.deepEqual({ ...await popped }, { key: '{b}list', element: 'late' });
      assert.equal(await own.brPop('{b}empty', 0.2), null);
      await client.zAdd('{b}zset', { score: 1, value: 'a' });
      assert.deepEqual({ ...await own.bzPopMin('{b}zset', 1) },
        { key: '{b}zset', value: 'a', score: 1 });
      const read = own.xRead({ key: '{b}stream', id: '$' }, { BLOCK: 5000 });
      await pause(200);
      await client.xAdd('{b}stream', '*', { f: 'v' });
      assert(JSON.stringify(await read).includes('v'));
      own.destroy();
    },

    async subscriptions() {
      const own = await connect(), got = [];
      await own.subscribe('news', (message) => got.push(message));
      await own.pSubscribe('ne*', (message) => got.push(`p${message}`));
      await client.publish('news', 'hello');
      await waitUntil(() => got.length === 2);
      assert.deepEqual(got.splice(0).sort(), ['hello', 'phello']);
      await own.pUnsubscribe('ne*');
      for (let n = 0; n < 100; n++) client.publish('news', String(n));
      await waitUntil(() => got.length === 100);
      // In cluster mode each may be published at another node.
      if (clusterClient) got.sort((a, b) => a - b);
      assert.deepEqual(got, [...got.keys()].map(String));
      own.destroy();
    },

    async shardedSubscriptions() {
      const own = await connect(), got = [];
      await own.sSubscribe('{s}news', (message) => got.push(message));
      await client.sPublish('{s}news', 'hello');
      await waitUntil(() => got.length === 1);
      assert.deepEqual(got, ['hello']);
      own.destroy();
    },

    async databases() {
      const second = await connect({ database: 1 });
      await second.set('d:key', 'in 1');
      assert.equal(await client.get('d:key'), null);
      assert.equal(await second.get('d:key'), 'in 1');
      second.destroy();
    },

    async reconnecting() {
      await client.set('r:before', 'kept');
      await cut();
      assert.equal(await eventually(() => client.get('r:before')), 'kept');
      await client.set('r:after', 'x');
      assert.equal(await client.get('r:after'), 'x');
    },
  };
  if (clusterClient) delete parts.watch;
  if (clusterClient || overCluster) delete parts.databases;
  await run(parts);
}

main().catch((error) => { console.error(error); process.exit(1); });
