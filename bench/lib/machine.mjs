// One sentence on the machine: figures without it say nothing.
import os from "node:os";

export function describeMachine() {
  const cpus = os.cpus();
  const gib = Math.round(os.totalmem() / 2 ** 30);
  const load = os.loadavg()[0].toFixed(1);
  return `${cpus[0]?.model.trim() ?? os.arch()}, ${cpus.length} cores, ${gib} GiB, ${os.platform()} ${os.release()} ${os.arch()}, load ${load}`;
}
