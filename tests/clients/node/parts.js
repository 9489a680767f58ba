// What every job in Node.js has: where the server is, its parts run in turn, and a line of JSON for
// each of them.
'use strict';

const assert = require('node:assert/strict');
const net = require('node:net');
const { setTimeout: pause } = require('node:timers/promises');

const host = '127.0.0.1';
const port = Number(process.env.REDPOLL_PORT);
// Whether the job is to use its client's cluster mode, and what is behind the port.
const clusterClient = process.env.REDPOLL_MODE === 'cluster-mode';
const overCluster = process.env.REDPOLL_OVER === 'cluster';
const PART_MS = 30_000;

/** Has the runner end all connections: it restarts the proxy, or tells the server to. */
async function cut() {
  const answer = await new Promise((resolve, reject) => {
    const control = net.connect(Number(process.env.REDPOLL_CONTROL), host);
    control.on('connect', () => control.write('cut\n'));
    control.on('data', (data) => resolve(data.toString()));
    control.on('error', reject);
  });
  assert.equal(answer, 'ok\n', 'the runner could not cut the connections');
}

/** Looks again and again until `probe` gives something true, and returns that. */
async function waitUntil(probe, ms = 10_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await probe();
    if (found) return found;
    assert(Date.now() < deadline, `waited ${ms} ms in vain for ${probe}`);
    await pause(20);
  }
}

/** Tries until `attempt` does not throw, and returns what it gives. */
async function eventually(attempt, ms = 10_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    try {
      return await within(attempt(), ms);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await pause(50);
    }
  }
}

/** Fails if a promise takes longer. */
async function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done in ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Checks that a promise is rejected with an error that has these words. */
async function rejects(promise, words) {
  await assert.rejects(promise, (error) => {
    const text = [error, ...(error.replies ?? []), ...(error.previousErrors ?? [])].join(' ');
    assert(text.includes(words), `${text} lacks '${words}'`);
    return true;
  });
}

/** Runs the parts, and exits when the last has ended. */
async function run(parts) {
  let failed;
  // What nobody awaits fails the part in which it happened.
  process.on('unhandledRejection', (error) => failed?.(error));
  process.on('uncaughtException', (error) => failed?.(error));
  for (const [part, story] of Object.entries(parts)) {
    const line = { part: part.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) };
    const aside = new Promise((_, reject) => { failed = reject; });
    aside.catch(() => {});
    try {
      await within(Promise.race([story(), aside]), PART_MS);
      line.ok = true;
    } catch (error) {
      console.error(error);
      line.ok = false;
      line.why = String(error?.stack?.includes(error.message) ? `${error.name}: ${error.message}` : error);
    }
    console.log(JSON.stringify(line));
  }
  process.exit(0);
}

module.exports = {
  assert, clusterClient, cut, eventually, host, overCluster, pause, port, rejects, run, waitUntil,
};
