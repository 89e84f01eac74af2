// Judge: what a conformance run must show of its rows. Each row has a trace, a capacity, our ratios by policy and the reference's.

/** Policies with one right answer. */
export const STRICT = ["lru", "fifo"];
/** What `hybrid` must be ahead of, on the mean, by the reference's names. */
export const PEERS = ["wtinylfu-20", "s3fifo", "arc", "gdsf"];
/** How far below the reference's own `hybrid` ours may be on the mean: half a point. */
const HYBRID_SLACK = 0.005;

const digits = (ratio) => ratio.toFixed(4);

function strictProblems({ trace, capacity, isSized, ours, reference }) {
  return STRICT.flatMap((policy) => {
    const asked = reference[policy];
    if (asked === undefined) return [];
    return (isSized ? ["ohr", "bhr"] : ["ohr"])
      .filter((what) => asked[what] !== undefined && digits(ours[policy][what]) !== digits(asked[what]))
      .map((what) => {
        const [is, should] = [digits(ours[policy][what]), digits(asked[what])];
        return `${trace} at ${capacity}: ${policy} has ${what} ${is}, the reference ${should}`;
      });
  });
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

/** The mean object hit ratio of `policy` in the reference, and of our `hybrid` in the same rows; undefined: the reference does not have it. */
export function meansOf(rows, policy) {
  const both = rows.filter(({ reference }) => reference[policy] !== undefined);
  if (both.length === 0) return undefined;
  return {
    rows: both.length,
    hybrid: mean(both.map(({ ours }) => ours.hybrid.ohr)),
    reference: mean(both.map(({ reference }) => reference[policy].ohr)),
  };
}

/** What does not hold, a line each. */
export function problemsOf(rows) {
  const problems = rows.flatMap(strictProblems);
  for (const { trace, capacity, ours } of rows) {
    for (const [policy, { wrong }] of Object.entries(ours))
      if (wrong > 0)
        problems.push(`${trace} at ${capacity}: ${policy} was wrong about ${wrong} values, or had no memory`);
  }
  const own = meansOf(rows, "hybrid");
  if (own !== undefined && own.hybrid < own.reference - HYBRID_SLACK)
    problems.push(
      `hybrid's mean is ${digits(own.hybrid)}, more than half a point below the reference's ${digits(own.reference)}`,
    );
  for (const peer of PEERS) {
    const means = meansOf(rows, peer);
    if (means !== undefined && means.hybrid <= means.reference)
      problems.push(`hybrid's mean of ${digits(means.hybrid)} is not ahead of ${peer}, ${digits(means.reference)}`);
  }
  return problems;
}
