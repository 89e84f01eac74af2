// Thread: what the host calls the thread that runs this, as a number in its owner slot, so that who hears of the thread's end finds its
// owners. In Node it is `threadId`, unique in the process and never used again. In a browser it is drawn at random and a Web Lock of that
// name is held for life: the browser grants it to who waits for it when the thread has ended, however it ended.

/** What hostThread found: the number (0: the host has no notice of this thread's end), and how to end the notice at detach. */
export interface HostThread {
  readonly thread: number;
  readonly leave: () => void;
}

/** A thread of which nobody will hear. */
const UNNAMED: HostThread = { thread: 0, leave() {} };

interface NodeLike {
  getBuiltinModule?(name: string): { threadId: number } | undefined;
}

interface LockManagerLike {
  request(name: string, options: { signal?: AbortSignal }, held: () => Promise<void>): Promise<unknown>;
}

const node = (): NodeLike | undefined => (globalThis as { process?: NodeLike }).process;
const locks = (): LockManagerLike | undefined =>
  (globalThis as { navigator?: { locks?: LockManagerLike } }).navigator?.locks;

const lockName = (regionId: string, thread: number): string => `cistern/${regionId}/${thread}`;

/** This thread in Node, where the host itself tells of its end; else unnamed. The main thread is 0: with it all ends. */
export function hostThreadSync(): HostThread {
  const thread = node()?.getBuiltinModule?.("node:worker_threads")?.threadId ?? 0;
  return { ...UNNAMED, thread };
}

/** This thread; in a browser after it got its Web Lock. */
export async function hostThread(regionId: string): Promise<HostThread> {
  const manager = locks();
  if (node()?.getBuiltinModule !== undefined || manager === undefined) return hostThreadSync();
  const thread = (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) | 1;
  return new Promise((resolve, reject) => {
    const held = (): Promise<void> => new Promise((leave) => resolve({ thread: thread >>> 0, leave }));
    manager.request(lockName(regionId, thread >>> 0), {}, held).catch(reject);
  });
}

/**
 * Calls `ended` once the browser says that this thread has ended or left. Only for a thread that hostThread named.
 * @throws Error where there are no Web Locks.
 */
export function onThreadEnd(regionId: string, thread: number, signal: AbortSignal, ended: () => void): void {
  // Newer Node has Web Locks too, but its threads are named by their ids and hold none: one would be granted at once.
  const manager = node()?.getBuiltinModule === undefined ? locks() : undefined;
  if (manager === undefined)
    throw new Error("this host has no Web Locks: say markDead and recover when the thread has ended");
  const granted = async (): Promise<void> => {};
  void manager.request(lockName(regionId, thread), { signal }, granted).then(ended, (error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
