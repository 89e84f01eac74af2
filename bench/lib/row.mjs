// One line of the report. `better` says which way a unit points; ratios always read "below 1 is ahead".
import { pairedRatio, ratio } from "./estimate.mjs";

// measured: { NAME: { value, slices?, spread? } } with the names `cistern` and `floor` set apart from the peers.
export function makeRow({ suite, workload, unit, better = "lower", measured, bounds = {}, runs, extra = {} }) {
  const { cistern, floor, ...peers } = measured;
  const best = bestOf(peers, better);
  return {
    suite,
    workload,
    unit,
    cistern: rounded(cistern?.value),
    floor: rounded(floor?.value),
    peers: values(peers),
    ...(Object.keys(bounds).length > 0 && { bounds: values(bounds) }),
    ratioToBestPeer: rounded(compare(cistern, best, better)),
    ratioToFloor: rounded(compare(cistern, floor, better)),
    runs,
    spread: rounded(cistern?.spread),
    ...extra,
  };
}

const values = (measured) =>
  Object.fromEntries(Object.entries(measured).map(([name, { value }]) => [name, rounded(value)]));

function bestOf(peers, better) {
  const sign = better === "lower" ? 1 : -1;
  return Object.values(peers).sort((a, b) => sign * (a.value - b.value))[0];
}

function compare(ours, theirs, better) {
  if (!ours || !theirs) return null;
  if (better === "higher") return ratio(theirs.value, ours.value);
  return ours.slices && theirs.slices ? pairedRatio(ours.slices, theirs.slices) : ratio(ours.value, theirs.value);
}

// Four significant digits say more than the machine can repeat.
const rounded = (value) =>
  value === undefined || value === null || !Number.isFinite(value) ? null : Number(value.toPrecision(4));
