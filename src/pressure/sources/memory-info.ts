// Memory information: the lines of /proc/meminfo that the sources of the whole machine read.

import { HostFile, type HostOptions, numberIn } from "./host.js";

/** Two lines of `/proc/meminfo`, held open. */
export class MemoryInfo {
  readonly #file: HostFile;
  readonly #first: RegExp;
  readonly #second: RegExp;

  constructor(first: string, second: string, options: HostOptions) {
    this.#file = new HostFile("/proc/meminfo", options);
    this.#first = lineOf(first);
    this.#second = lineOf(second);
  }

  /** Bytes of the two lines, of one instant; undefined unless both are there. */
  pair(): readonly [number, number] | undefined {
    const text = this.#file.read();
    const first = numberIn(text, this.#first, 1024);
    const second = numberIn(text, this.#second, 1024);
    return first === undefined || second === undefined ? undefined : [first, second];
  }

  close(): void {
    this.#file.close();
  }
}

const lineOf = (name: string): RegExp => new RegExp(`^${name}:\\s*(\\d+) kB`, "m");
