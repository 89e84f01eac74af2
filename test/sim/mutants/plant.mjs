// Plant: puts mutants into the core's tree, each behind a test of the global that says which one is switched on, so that one
// instrumented module holds all of them. A place is a function's name and the n-th call of another in it (the debug build keeps both);
// one that is not found is an error, never a mutant that changes nothing.

import { isNode } from "../sexpr.mjs";
import { MUTANTS } from "./list.mjs";

const ROOT = "$assembly/";

/** Whether a node is the test that switches a mutant on: what it plants is no place for others. */
const isGuard = (node) => node[0] === "if" && node.some((part) => part[0] === "i32.eq" && part[1][1] === "$simMutant");

/** What a guard runs when its mutant is off. */
const unguarded = (node) => node.find((part) => part[0] === "else") ?? [];

/** What mutants are described with: places in the tree, and ways to change them. */
class Planter {
  constructor(tree, number) {
    this.tree = tree;
    this.isOn = ["i32.eq", ["global.get", "$simMutant"], ["i32.const", String(number)]];
  }

  function(name) {
    const found = this.tree.find((node) => isNode(node, "func") && node[1] === ROOT + name);
    if (!found) throw new Error(`there is no function ${name}`);
    return found;
  }

  /** The n-th call of `callee` in `name`, in the order of the text: where it stands. */
  call(name, callee, nth = 1) {
    let left = nth;
    const search = (node) => {
      for (let i = 1; i < node.length; i++) {
        const part = node[i];
        if (!Array.isArray(part)) continue;
        if (part[0] === "call" && part[1] === ROOT + callee && --left === 0) return { parent: node, index: i };
        const found = search(isGuard(part) ? unguarded(part) : part);
        if (found) return found;
      }
      return undefined;
    };
    const found = search(this.function(name));
    if (!found) throw new Error(`${name} has no call #${nth} of ${callee}`);
    return { ...found, node: found.parent[found.index] };
  }

  /** Replaces a call that answers nothing; no statements: it is left out. */
  replace({ parent, index, node }, ...statements) {
    parent[index] = ["if", this.isOn, ["then", ...statements], ["else", node]];
  }

  /** Replaces a call that answers a number. */
  answer({ parent, index, node }, type, value) {
    parent[index] = ["if", ["result", type], this.isOn, ["then", value], ["else", node]];
  }

  drop(name, callee, nth) {
    this.replace(this.call(name, callee, nth));
  }

  /** The call answers this constant, whatever is so. */
  say(name, callee, nth, value) {
    this.answer(this.call(name, callee, nth), "i32", ["i32.const", String(value)]);
  }

  /** A compare-and-swap that stores and succeeds, whatever it finds. */
  casAlwaysWins(name, bits, nth) {
    const place = this.call(name, `atomic/cas${bits}`, nth);
    const [, , address, , value] = place.node;
    const store = ["call", `${ROOT}atomic/store${bits}`, address, value];
    this.answer(place, "i32", ["block", ["result", "i32"], store, ["i32.const", "1"]]);
  }

  /** A compare-and-swap in two: a load that compares, then a store. */
  casSplit(name, bits, nth) {
    const place = this.call(name, `atomic/cas${bits}`, nth);
    const [, , address, expected, value] = place.node;
    const same = [`i${bits}.eq`, ["call", `${ROOT}atomic/load${bits}`, address], expected];
    const store = ["call", `${ROOT}atomic/store${bits}`, address, value];
    const split = ["if", ["result", "i32"], same, ["then", store, ["i32.const", "1"]], ["else", ["i32.const", "0"]]];
    this.answer(place, "i32", split);
  }

  /** An atomic `or` in three: what it answers, a load, a store. */
  orSplit(name, bits, nth) {
    const place = this.call(name, `atomic/or${bits}`, nth);
    const [, , address, value] = place.node;
    const load = ["call", `${ROOT}atomic/load${bits}`, address];
    const store = ["call", `${ROOT}atomic/store${bits}`, address, [`i${bits}.or`, load, value]];
    const less = [`i${bits}.xor`, load, value]; // where the bits were clear
    this.answer(place, `i${bits}`, ["block", ["result", `i${bits}`], store, less]);
  }

  /** Two calls that answer nothing change places. */
  swap(first, second) {
    const [one, two] = [first.node, second.node];
    this.replace(first, two);
    this.replace(second, one);
  }

  /** A call also happens at another place, before the statement there. */
  before(place, statement) {
    place.parent[place.index] = ["block", ["if", this.isOn, ["then", statement]], place.node];
  }
}

export function plantAll(tree) {
  const strangers = [];
  MUTANTS.forEach((mutant, i) => {
    try {
      mutant.plant(new Planter(tree, i + 1));
    } catch (error) {
      strangers.push(`"${mutant.name}": ${error.message}`);
    }
  });
  if (strangers.length > 0) throw new Error(`mutants that do not match the core any more: ${strangers.join("; ")}`);
}
