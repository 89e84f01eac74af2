// The command line of `npm start`: what it takes, what it assumes, and what it says to nonsense.
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { CachePolicyName } from "../index.js";
import { isPolicyName, policyNames } from "./policies.js";

export interface Options {
  /** One pass and out, instead of on and on until Ctrl-C. */
  readonly once: boolean;
  readonly json: boolean;
  readonly trace: string;
  /** A size as the region takes it, like 16MiB or 25%. */
  readonly limit: string;
  readonly workers: number;
  readonly policy: CachePolicyName;
  /** Stop after so many requests, repeating the trace if need be. */
  readonly ops: number | undefined;
}

/** What the user typed cannot be meant; the message is one line. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** A build of this project, recorded: bench/traces/README.md. Three quarters of its bytes do not fit at once. */
const DEFAULT_TRACE = fileURLToPath(new URL("../../bench/traces/build-reads.csv.gz", import.meta.url));
const DEFAULT_LIMIT = "24MiB";
const WORKERS_MAX = 32;

const SPEC = {
  once: { type: "boolean" },
  json: { type: "boolean" },
  trace: { type: "string" },
  limit: { type: "string" },
  workers: { type: "string" },
  policy: { type: "string" },
  ops: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

export const usage = `npm start -- [options]

  --once           replay the trace once (without: over and over until Ctrl-C)
  --json           print the report as one line of JSON
  --trace FILE     lines of key[,sizeBytes], plain or gzip (default: the recorded one)
  --limit SIZE     bytes of the region, all else included, like 16MiB (default ${DEFAULT_LIMIT})
  --workers N      threads that share the cache, 1 to ${WORKERS_MAX} (default: one per core, 2 to 8)
  --policy NAME    ${policyNames.join(" | ")} (default hybrid)
  --ops N          stop after N requests, repeating the trace if it is shorter`;

/** The options, or "help" when that was asked for. */
export function parseOptions(args: readonly string[]): Options | "help" {
  const values = valuesOf(args);
  if (values.help) return "help";
  return {
    once: values.once ?? false,
    json: values.json ?? false,
    trace: values.trace ?? DEFAULT_TRACE,
    limit: values.limit ?? DEFAULT_LIMIT,
    workers: values.workers === undefined ? defaultWorkers() : parseCount("--workers", values.workers, WORKERS_MAX),
    policy: parsePolicy(values.policy ?? "hybrid"),
    ops: values.ops === undefined ? undefined : parseCount("--ops", values.ops, Number.MAX_SAFE_INTEGER),
  };
}

function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: SPEC }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split("\n")[0]!);
  }
}

const defaultWorkers = (): number => Math.min(8, Math.max(2, availableParallelism()));

function parseCount(name: string, text: string, max: number): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= max) return count;
  throw new UsageError(`${name} takes a whole number from 1 to ${max}, not "${text}"`);
}

function parsePolicy(name: string): CachePolicyName {
  if (isPolicyName(name)) return name;
  throw new UsageError(`--policy: there is no "${name}"; there is: ${policyNames.join(", ")}`);
}
