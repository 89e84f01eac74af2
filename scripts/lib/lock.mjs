// One set-up at a time. The lock is a directory: making one is atomic everywhere. It holds its owner's process id, and
// its owner touches it every second, so a lock whose owner was killed is noticed and taken over.
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const BEAT_MS = 1_000;
const SILENT_MS = 60_000;
const UNNAMED_MS = 5_000;
const RETRY_MS = 100;

/** Makes a directory; false when it is there already. */
function makeDirectory(path) {
  try {
    mkdirSync(path);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  }
}

function touch(path) {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Taken over while this process was suspended: nothing to keep alive any more.
  }
}

const ageMs = (path) => Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function isAbandoned(lock) {
  const age = ageMs(lock);
  let pid = 0;
  try {
    pid = Number(readFileSync(join(lock, "pid"), "utf8"));
  } catch {
    // Its owner has not written its name yet, or is just leaving.
  }
  return pid > 0 ? age > SILENT_MS || !isAlive(pid) : age > UNNAMED_MS;
}

/** Removes an abandoned lock. Only one process does it at a time, and looks again once it is that one. */
function removeAbandoned(lock) {
  const guard = `${lock}.takeover`;
  if (!makeDirectory(guard)) {
    if (ageMs(guard) > SILENT_MS) rmSync(guard, { recursive: true, force: true });
    return;
  }
  if (isAbandoned(lock)) rmSync(lock, { recursive: true, force: true });
  rmSync(guard, { recursive: true, force: true });
}

/** Runs `work` while holding the lock directory. */
export async function withLock(lock, work, onWait = () => {}) {
  mkdirSync(dirname(lock), { recursive: true });
  for (let waited = false; !makeDirectory(lock); waited = true) {
    if (!waited) onWait();
    if (isAbandoned(lock)) removeAbandoned(lock);
    await sleep(RETRY_MS);
  }
  writeFileSync(join(lock, "pid"), String(process.pid));
  const beat = setInterval(() => touch(lock), BEAT_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    rmSync(lock, { recursive: true, force: true });
  }
}
