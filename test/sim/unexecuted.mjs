// Unexecuted: the sites that no scenario passes, by function, with the reason. A function that is missing here says so, and the run
// that prints it shows what a scenario should be written for.

const BROKEN = "says what is broken: no scenario breaks an invariant";
const POISONED = "the rest is for a poisoned region, or for an instance that is attached to nothing";

const REASONS = {
  "region/createRegion": "runs once, in the set-up, before anybody can attach",
  "sizeclass/writeGeometry": "runs once, in the set-up, before anybody can attach",
  "region/buildId": "touches nothing",
  "region/reason": "reads a word of its own thread",
  "record/blockIsLive": "reads only",
  "record/blockMove": "no scenario moves a Block to another owner yet",
  "lock/lock": POISONED,
  "lock/tryLock": POISONED,
  "pages/rebuild": "the chain is broken: no scenario breaks it",
  "check/check": BROKEN,
  "check/walk": BROKEN,
  "check/walkSlab": BROKEN,
  "check/walkRun": BROKEN,
  "check/checkBins": BROKEN,
};

/** Sites by function that are not in `executed`. */
export function unexecuted(sites, executed) {
  const counts = new Map();
  sites.forEach(({ functionName }, site) => {
    if (!executed.has(site)) counts.set(functionName, (counts.get(functionName) ?? 0) + 1);
  });
  return [...counts].map(([functionName, count]) => ({
    functionName,
    count,
    reason: REASONS[functionName] ?? "some of its branches: no scenario of two pages takes them",
  }));
}
