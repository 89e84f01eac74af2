// The worker threads as the main thread sees them: started together, heard one step at a time, and all ended when one fails.
import { Worker } from "node:worker_threads";
import type { WorkerMessage, WorkerOptions } from "./worker.js";

type Kind = WorkerMessage["kind"];
type MessageOf<K extends Kind> = Extract<WorkerMessage, { kind: K }>;

export class Crew {
  readonly #threads: Worker[];
  readonly #messages: WorkerMessage[] = [];
  #heard: () => void = () => {};
  #failed: (error: Error) => void = () => {};
  readonly #failure: Promise<never>;

  constructor(options: readonly WorkerOptions[]) {
    this.#failure = new Promise((_, reject) => (this.#failed = reject));
    this.#failure.catch(() => {}); // it is raced against in all()
    this.#threads = options.map((workerData) => this.#start(workerData));
  }

  /** The message of this kind from every worker; rejects when a worker fails. */
  async all<K extends Kind>(kind: K): Promise<MessageOf<K>[]> {
    for (;;) {
      const found = this.#messages.filter((message): message is MessageOf<K> => message.kind === kind);
      if (found.length === this.#threads.length) return found;
      await Promise.race([this.#failure, new Promise<void>((resolve) => (this.#heard = resolve))]);
    }
  }

  async end(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }

  #start(workerData: WorkerOptions): Worker {
    const thread = new Worker(new URL("./worker.js", import.meta.url), { workerData });
    const fail = (why: string, cause?: unknown): void =>
      this.#failed(new Error(`worker ${workerData.worker} ${why}`, { cause }));
    thread.on("message", (message: WorkerMessage) => {
      this.#messages.push(message);
      this.#heard();
    });
    thread.on("error", (error) => fail(`failed: ${error.message}`, error));
    thread.on("exit", (code) => code !== 0 && fail(`ended with code ${code}`));
    return thread;
  }
}
