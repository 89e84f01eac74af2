// Pool: a few workers and a queue of tasks. Each task is made when a worker is free, so that what time is left is shared out then.

import { Worker } from "node:worker_threads";

export class Pool {
  constructor(size, core) {
    this.workers = Array.from({ length: size }, () => this.#start(core));
  }

  #start(core) {
    const worker = new Worker(new URL("worker.mjs", import.meta.url), { workerData: { core } });
    worker.ready = new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
    });
    worker.ready.catch(() => {});
    return worker;
  }

  /** Runs `tasks` (functions that make a message) and hands each answer to `done`. */
  async run(tasks, done) {
    const queue = [...tasks];
    await Promise.all(
      this.workers.map(async (worker) => {
        await worker.ready;
        while (queue.length > 0) done(await this.#ask(worker, queue.shift()()));
      }),
    );
  }

  #ask(worker, task) {
    return new Promise((resolve, reject) => {
      const settle = ({ result, error }) => {
        worker.off("error", reject);
        if (error) reject(new Error(error));
        else resolve(result);
      };
      worker.once("message", settle);
      worker.once("error", reject);
      worker.postMessage(task);
    });
  }

  async close() {
    await Promise.all(this.workers.map((worker) => worker.terminate()));
  }
}
