// The job queues BullMQ, bull and bee-queue. Argument: which.
'use strict';

const { assert, cut, eventually, host, overCluster, port, run, waitUntil } = require('./parts');

// Their keys have nothing in common that Redis Cluster sees, unless the prefix has a hash tag.
const prefix = overCluster ? '{queue}' : 'queue';
const double = async (job) => {
  if (job.data.number < 0) throw new Error('as it is to');
  return 2 * job.data.number;
};

/** The queues, each with `add(data, options)`, which gives a job, and `result(job)`. */
const queues = {
  bullmq() {
    const { Queue, QueueEvents, Worker } = require('bullmq');
    const connection = { host, port, maxRetriesPerRequest: null };
    const queue = new Queue('jobs', { connection, prefix });
    const events = new QueueEvents('jobs', { connection, prefix });
    const worker = new Worker('jobs', double, { connection, prefix, concurrency: 4 });
    for (const each of [queue, events, worker]) each.on('error', (error) => console.error(`${error}`));
    return {
      ready: () => events.waitUntilReady(),
      add: (data, options) => queue.add('double', data, options),
      result: (job) => job.waitUntilFinished(events, 15_000),
      delayed: { delay: 300 },
    };
  },

  bull() {
    const Queue = require('bull');
    const queue = new Queue('jobs', { redis: { host, port }, prefix });
    queue.on('error', (error) => console.error(`${error}`));
    queue.process(4, double);
    return {
      ready: () => queue.isReady(),
      add: (data, options) => queue.add(data, options),
      result: (job) => job.finished(),
      delayed: { delay: 300 },
    };
  },

  'bee-queue'() {
    const Queue = require('bee-queue');
    const queue = new Queue('jobs', {
      prefix, redis: { host, port, retry_strategy: () => 100 }, activateDelayedJobs: true,
    });
    const done = new Map();
    queue.on('error', (error) => console.error(`${error}`));
    queue.on('job succeeded', (id, result) => done.set(id, { result }));
    queue.on('job failed', (id, error) => done.set(id, { error }));
    queue.process(4, double);
    return {
      ready: () => queue.ready(),
      add(data, { delay } = {}) {
        const job = queue.createJob(data);
        return (delay ? job.delayUntil(Date.now() + delay) : job).save();
      },
      async result(job) {
        const { result, error } = await waitUntil(() => done.get(job.id), 15_000);
        if (error) throw error;
        return result;
      },
      delayed: { delay: 300 },
    };
  },
};

const queue = queues[process.argv[2]]();

run({
  async tasks() {
    await queue.ready();
    const jobs = await Promise.all(Array.from({ length: 20 }, (_, number) => queue.add({ number })));
    const results = await Promise.all(jobs.map((job) => queue.result(job)));
    assert.deepEqual(results, jobs.map((_, number) => 2 * number));
    await assert.rejects(queue.result(await queue.add({ number: -1 })), /as it is to/);
    assert.equal(await queue.result(await queue.add({ number: 21 }, queue.delayed)), 42);
  },

  async afterARestart() {
    await cut();
    const job = await eventually(() => queue.add({ number: 4 }));
    assert.equal(await queue.result(job), 8);
  },
});
