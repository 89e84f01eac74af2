// Triples: three threads at once. Too many schedules to go through all of them: a small bound, then schedules by random priorities.

import { OPERATIONS } from "./pairs.mjs";

const CHOSEN = [
  ["alloc-slow", "free-last", "alloc-run"],
  ["alloc-run", "free-run", "realloc-grow"],
  ["block-alloc", "block-free", "alloc-slow"],
  ["free-edge", "alloc-hinted", "detach"],
  ["block-run", "check", "free-run"],
  ["attach", "detach", "alloc-slow"],
  ["realloc-shrink", "realloc-move", "alloc-run"],
];

export default CHOSEN.map((chosen) => {
  const [a, b, c] = chosen.map((name) => OPERATIONS[name]);
  const threads = { a, b, c };
  return {
    name: `triple/${chosen.join("+")}`,
    detached: Object.keys(threads).filter((name) => threads[name].detached),
    bounds: { calm: 1, death: 0, second: -1 },
    randomShare: 0.7,
    setup(stage) {
      for (const name of ["a", "b", "c"]) threads[name].setup?.(stage[name], name, stage);
    },
    programs: {
      a: (t) => a.steps(t, "a"),
      b: (t) => b.steps(t, "b"),
      c: (t) => c.steps(t, "c"),
    },
  };
});
