// valkey-glide for Node.js, with its defaults: one multiplexed connection in Rust.
'use strict';

const { assert, clusterClient, cut, eventually, host, overCluster, pause, port, rejects, run,
  waitUntil } = require('./parts');
const { Batch, ClusterBatch, GlideClient, GlideClusterClient, GlideClientConfiguration,
  GlideClusterClientConfiguration, Script } = require('@valkey/valkey-glide');

const Client = clusterClient ? GlideClusterClient : GlideClient;
const configuration = clusterClient ? GlideClusterClientConfiguration : GlideClientConfiguration;
const connect = (more = {}) => Client.createClient({
  addresses: [{ host, port }], requestTimeout: 5000, ...more,
});
const batch = (isAtomic) => new (clusterClient ? ClusterBatch : Batch)(isAtomic);

async function main() {
  const client = await connect();
  const parts = {
    async types() {
      assert.equal(await client.set('t:string', 'x'), 'OK');
      assert.equal(await client.get('t:string'), 'x');
      assert.equal(await client.get('t:none'), null);
      assert.equal(await client.incrBy('t:number', 42), 42);
      assert.equal(await client.hset('t:hash', { a: '1', b: '2' }), 2);
      assert.deepEqual((await client.hgetall('t:hash')).map((e) => [e.field, e.value]).sort(),
        [['a', '1'], ['b', '2']]);
      assert.equal(await client.rpush('t:list', ['a', 'b', 'c']), 3);
      assert.deepEqual(await client.lrange('t:list', 0, -1), ['a', 'b', 'c']);
      assert.equal(await client.sadd('t:set', ['1', '2', '3']), 3);
      assert.deepEqual([...await client.smembers('t:set')].sort(), ['1', '2', '3']);
      assert.equal(await client.zadd('t:zset', { a: 1, b: 2.5 }), 2);
      assert.equal(await client.zscore('t:zset', 'b'), 2.5);
      assert(await client.xadd('t:stream', [['f', 'v']]));
      await rejects(client.lpush('t:hash', ['x']), 'WRONGTYPE');
      const big = 'x'.repeat(2_000_000);
      await client.set('t:big', big);
      assert.equal(await client.get('t:big'), big);
    },

    async manyKeys() {
      const keys = Array.from({ length: 200 }, (_, number) => `m:${number}`);
      assert.equal(await client.mset(Object.fromEntries(keys.map((key, n) => [key, `${n}`]))), 'OK');
      assert.deepEqual(await client.mget([...keys, 'm:none']),
        [...keys.keys()].map(String).concat(null));
      assert.equal(await client.del(keys), 200);
    },

    async pipelines() {
      const asked = batch(false);
      for (let n = 0; n < 500; n++) asked.set(`p:${n}`, `${n}`).get(`p:${n}`);
      const replies = await client.exec(asked, true);
      replies.forEach((reply, n) => assert.equal(reply, n % 2 ? String((n - 1) / 2) : 'OK'));
    },

    async transactions() {
      const asked = batch(true).set('{tx}a', '1').incrBy('{tx}a', 5).lpush('{tx}b', ['x']);
      assert.deepEqual(await client.exec(asked, true), ['OK', 6, 1]);
    },

    async scripts() {
      const add = new Script("return redis.call('INCRBY', KEYS[1], ARGV[1])");
      const asked = { keys: ['{e}n'], args: ['5'] };
      assert.equal(await client.invokeScript(add, asked), 5);
      assert.equal(await client.invokeScript(add, asked), 10);
    },

    async watch() {
      await client.set('{w}n', '1');
      await client.watch(['{w}n']);
      const other = await connect();
      await other.set('{w}n', '10');
      assert.equal(await client.exec(batch(true).incr('{w}n'), true), null);
      other.close();
    },

    async blocking() {
      const own = await connect();
      const popped = own.blpop(['{b}empty', '{b}list'], 4);
      await pause(200);
      await client.rpush('{b}list', ['late']);
      assert.deepEqual(await popped, ['{b}list', 'late']);
      assert.equal(await own.brpop(['{b}empty'], 0.2), null);
      own.close();
    },

    async subscriptions() {
      const got = [];
      const own = await connect({
        pubsubSubscriptions: {
          channelsAndPatterns: {
            [configuration.PubSubChannelModes.Exact]: new Set(['news']),
          },
          callback: ({ message }) => got.push(message),
        },
      });
      await client.publish('hello', 'news');
      await waitUntil(() => got.length === 1);
      assert.deepEqual(got, ['hello']);
      own.close();
    },

    async databases() {
      const second = await connect({ databaseId: 1 });
      await second.set('d:key', 'in 1');
      assert.equal(await client.get('d:key'), null);
      assert.equal(await second.get('d:key'), 'in 1');
      second.close();
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
