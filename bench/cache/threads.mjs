// CPU nanoseconds per operation where 1, 2 and 4 threads are at work: nine lookups to one value that is put in, of more keys than there is room for. Ours is
// one cache for all threads; a cache on the heap is each thread's own, of the same number of entries, so it holds as much in each thread.
import { lowerQuartile, spreadOf } from "../lib/estimate.mjs";
import { makeRow } from "../lib/row.mjs";
import { makeTeam } from "../lib/team.mjs";
import { libraryFor } from "../lib/library.mjs";
import { isBuilt } from "../allocators/index.mjs";

const ENTRIES = 50_000;
const BYTES = 100;
const SIZE = 64 * 2 ** 20;
const NAMES = ["cistern", "lru-cache", "tiny-lru"];
const COUNTS = { "threads-1": 1, "threads-2": 2, "threads-4": 4 };
const OPERATIONS = 20_000;
const ROUNDS = 15;
const WARM_UP = 6;
export const WORK = 0;
export const TELL = 1;

export const threadWorkloads = Object.keys(COUNTS);

export async function threadRow(workload, { quick }) {
  const count = COUNTS[workload];
  const subjects = [];
  for (const name of NAMES.filter((each) => each !== "cistern" || isBuilt())) subjects.push(await open(name, count));
  const rounds = quick ? ROUNDS : ROUNDS * 3;
  for (let i = -WARM_UP; i < rounds; i++) for (const subject of subjects) round(subject, count, i);
  for (const subject of subjects) await close(subject);
  const measured = Object.fromEntries(
    subjects.map(({ name, slices }) => [name, { slices, value: lowerQuartile(slices), spread: spreadOf(slices) }]),
  );
  const hitRatios = Object.fromEntries(subjects.map(({ name, hitRatio }) => [name, Number(hitRatio.toFixed(4))]));
  return makeRow({ suite: "cache", workload, unit: "CPU ns", measured, runs: rounds, extra: { hitRatios } });
}

async function open(name, count) {
  const counts = new Int32Array(new SharedArrayBuffer(8 * count));
  let region;
  if (name === "cistern") {
    const { Region } = await libraryFor(import.meta.url);
    region = Region.createSync({ size: SIZE });
    // Open here too: it stays when the threads have ended.
    region.cache("bench", { maxItems: ENTRIES });
  }
  const data = { name, handle: region?.handle(), entries: ENTRIES, bytes: BYTES, counts };
  const team = await makeTeam(new URL("./threads-worker.mjs", import.meta.url), count, data);
  return { name, team, region, counts, slices: [], hitRatio: 0 };
}

const all = (count, job) => Object.fromEntries(Array.from({ length: count }, (_, i) => [i, job]));

function round({ team, slices }, count, number) {
  const members = team.round(all(count, WORK), OPERATIONS);
  if (number >= 0) slices.push(members.reduce((sum, { cpuNs }) => sum + cpuNs, 0) / (count * OPERATIONS));
}

async function close(subject) {
  const { team, region, counts } = subject;
  const count = counts.length / 2;
  team.round(all(count, TELL), 1);
  const sum = (from) => counts.filter((_, i) => i % 2 === from).reduce((one, two) => one + two, 0);
  subject.hitRatio = sum(0) / (sum(0) + sum(1));
  const { ok, problems } = region?.check() ?? { ok: true };
  if (!ok) throw new Error(`threads: ${problems.join("; ")}`);
  await team.close();
}
