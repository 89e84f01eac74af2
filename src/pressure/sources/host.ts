// Host: the one way from the sources to Node's own modules and to the files of /proc and /sys. A bundle for a page includes these sources
// where it imports them, so nothing here is imported from `node:`; a host without such modules has no such numbers.

/** What is used of `node:fs`. */
export interface HostFiles {
  openSync(path: string, flags: "r"): number;
  readSync(fd: number, buffer: Uint8Array, offset: number, length: number, position: number): number;
  closeSync(fd: number): void;
  readFileSync(path: string, encoding: "latin1"): string;
}

/** What is used of `process`. */
export interface HostProcess {
  getBuiltinModule?(name: string): unknown;
  constrainedMemory?(): number;
  memoryUsage?: { rss?(): number };
}

/** Where a source looks; for tests and for hosts that keep these files elsewhere. */
export interface HostOptions {
  /** Stands before every path, `""` unless told: `/proc/self/statm` is looked for in `root + "/proc/self/statm"`. */
  root?: string;
  /** Node's `process` unless told. */
  process?: HostProcess;
}

/** The names of the options above. */
export const HOST_OPTIONS = ["root", "process"] as const;

/** One of Node's modules, without its `node:`; undefined where there is none. */
export function builtin<T>(name: string, { process = hostProcess() }: HostOptions = {}): T | undefined {
  return process?.getBuiltinModule?.(`node:${name}`) as T | undefined;
}

export const hostProcess = (): HostProcess | undefined => (globalThis as { process?: HostProcess }).process;

/** Bytes of memory in the machine; undefined where unknown. */
export function totalMemory(options: HostOptions): number | undefined {
  const total = builtin<{ totalmem(): number }>("os", options)?.totalmem() ?? 0;
  return total > 0 ? total : undefined;
}

/** The text of a file read once, from its beginning to its end; undefined when it cannot be. */
export function fileText(path: string, options: HostOptions): string | undefined {
  try {
    return builtin<HostFiles>("fs", options)?.readFileSync((options.root ?? "") + path, "latin1");
  } catch {
    return undefined;
  }
}

/** Longer than any file that is read again and again: those of the kernel with one number a line have 2 to 4 KiB. */
const BUFFER_BYTES = 16_384;

let buffer: Uint8Array | undefined;
let decoder: TextDecoder | undefined;

/** A file of the kernel's that is read again and again: opened once, then 2 µs a reading instead of 50. */
export class HostFile {
  readonly #fs: HostFiles | undefined;
  readonly #path: string;
  #fd = -1;
  #closed = false;

  constructor(path: string, options: HostOptions) {
    this.#fs = builtin<HostFiles>("fs", options);
    this.#path = (options.root ?? "") + path;
  }

  /** The file's text now; undefined when it cannot be read, or after `close`. */
  read(): string | undefined {
    if (this.#fs === undefined || this.#closed) return undefined;
    buffer ??= new Uint8Array(BUFFER_BYTES);
    decoder ??= new TextDecoder();
    try {
      if (this.#fd < 0) this.#fd = this.#fs.openSync(this.#path, "r");
      return decoder.decode(buffer.subarray(0, this.#fs.readSync(this.#fd, buffer, 0, BUFFER_BYTES, 0)));
    } catch {
      // A control group that was removed: another of that name has to be opened anew.
      this.#release();
      return undefined;
    }
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    this.#fs!.closeSync(fd);
  }
}

/** The number that `pattern` finds, times `unit`; undefined when it finds none. */
export function numberIn(text: string | undefined, pattern: RegExp, unit = 1): number | undefined {
  const found = text === undefined ? null : pattern.exec(text);
  return found === null ? undefined : Number(found[1]) * unit;
}
