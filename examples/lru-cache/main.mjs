// An lru-cache of `maxSize` 64 MB in a process that should stay below a limit, once by itself and once in a governor. Each runs in a process of
// its own, and what counts is what the system says that process has (its resident set), at its highest.
//
//   node examples/lru-cache/main.mjs [--limit 256MiB] [--entries 8000] [--json]
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { formatSize, parseSize } from "cistern";

const { values } = parseArgs({
  options: {
    limit: { type: "string", default: "256MiB" },
    entries: { type: "string", default: "8000" },
    json: { type: "boolean", default: false },
  },
});
const limitBytes = parseSize(values.limit);
const entries = Number(values.entries);
if (!Number.isInteger(entries) || entries < 1)
  throw new RangeError(`--entries must be a whole number, got ${values.entries}`);

const service = fileURLToPath(new URL("service.mjs", import.meta.url));

async function measured(mode) {
  const { stdout } = await promisify(execFile)(process.execPath, [service, mode, String(limitBytes), String(entries)]);
  const result = JSON.parse(stdout);
  return { ...result, overLimitBytes: Math.max(0, result.peak.rssBytes - limitBytes) };
}

function print({ mode, entries, maxSize, calculatedSize, peak, overLimitBytes, budgetBytes, budgetPeakBytes }) {
  const name = mode === "alone" ? "lru-cache by itself" : "lru-cache in a governor";
  console.log(`\n${name}: ${entries} entries at the end`);
  console.log(`  calculatedSize  ${formatSize(calculatedSize)} of maxSize ${formatSize(maxSize)}`);
  console.log(`  array buffers   ${formatSize(peak.arrayBufferBytes)} at the highest`);
  if (budgetBytes !== undefined)
    console.log(`  budget          ${formatSize(budgetPeakBytes)} of ${formatSize(budgetBytes)} at the highest`);
  const verdict = overLimitBytes > 0 ? `OVER by ${formatSize(overLimitBytes)}` : "under the limit";
  console.log(`  resident set    ${formatSize(peak.rssBytes)} at the highest: ${verdict}`);
}

// One after the other: each has the machine for itself.
const alone = await measured("alone");
const governed = await measured("governed");
if (values.json) {
  console.log(JSON.stringify({ limitBytes, requests: entries, alone, governed }));
} else {
  console.log(
    `${entries} records of 128 bytes, each from a chunk of 64 KiB, under a limit of ${formatSize(limitBytes)}`,
  );
  print(alone);
  print(governed);
}
