// Machine: how much memory there is here, for sizes given as a percentage.

interface NodeProcess {
  constrainedMemory?: () => number;
  getBuiltinModule?: (name: string) => { totalmem(): number } | undefined;
}

/** Bytes this process may use: the container's limit where there is one, else the machine's memory; undefined where unknown. */
export function machineBytes(): number | undefined {
  const host = globalThis as { process?: NodeProcess; navigator?: { deviceMemory?: number } };
  const total = host.process?.getBuiltinModule?.("node:os")?.totalmem();
  if (total !== undefined) {
    const constrained = host.process?.constrainedMemory?.() ?? 0;
    return constrained > 0 && constrained < total ? constrained : total;
  }
  const gibibytes = host.navigator?.deviceMemory;
  return gibibytes === undefined ? undefined : gibibytes * 2 ** 30;
}
