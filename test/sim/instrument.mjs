// Instrument: turns a build of the core into one whose threads a single JavaScript thread can schedule.
//
// - before each atomic, each plain store and load, memory.fill and memory.copy: a hook, called unless the shadow byte of the
//   accessed 8 bytes says that this thread alone works there (see sharing.mjs)
// - at each function's beginning and each loop's head: a hook that is called when the fuel is used up (none: always)
// - memory.atomic.wait32 and notify become imports; memory.size reads the region's pages from beyond the region
// - the mutable globals, which are the core's thread-locals, can be saved to memory and loaded from it
// - asyncify, with the hooks as the only places where a thread may be left
//
// The hook stands between the evaluation of an access's operands and the access itself.

import binaryen from "binaryen";
import { bodyStart, isNode, operandsOf, parse, print } from "./sexpr.mjs";
import { FUEL, PAGES_AT, SHADOW, TOTAL_PAGES } from "./map.mjs";

export const LOAD = 0;
export const STORE = 1;
export const ATOMIC_LOAD = 2;
export const ATOMIC_STORE = 3;
export const RMW = 4;
export const WAIT = 5;
export const NOTIFY = 6;
export const FILL = 7;
export const COPY_FROM = 8;
export const COPY_TO = 9;
export const ENTRY = 10;
export const LOOP = 11;
export const KIND_NAMES = "load store atomic.load atomic.store rmw wait notify fill copy-from copy-to entry loop".split(
  " ",
);

/** Whether an access of this kind writes. */
export const WRITES = [0, 1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];
export const ATOMIC = [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];

const ACCESS = /^(i32|i64|f32|f64|v128)\.(atomic\.)?(load|store|rmw)(\d+)?/;
const BYTES = { i32: 4, i64: 8, f32: 4, f64: 8, v128: 16 };

const call = (name, ...args) => ["call", name, ...args];
const i32 = (value) => ["i32.const", String(value)];
const get = (name) => ["local.get", name];
const set = (name, value) => ["local.set", name, value];

/** The features that the module may use; asking for all makes binaryen emit encodings that Node 20 refuses. */
export function setFeatures(module) {
  const { Atomics, BulkMemory, BulkMemoryOpt, MutableGlobals, NontrappingFPToInt, SIMD128, SignExt } =
    binaryen.Features;
  module.setFeatures(Atomics | BulkMemory | BulkMemoryOpt | MutableGlobals | NontrappingFPToInt | SIMD128 | SignExt);
}

/** What the pass knows about the function it is in. */
class FunctionPass {
  constructor(name, sites) {
    this.name = name;
    this.sites = sites;
    this.locals = [];
    this.counts = {};
  }

  site(kind, size, text) {
    const nth = (this.counts[text] = (this.counts[text] ?? 0) + 1);
    this.sites.push({ kind, size, name: `${this.name} ${text}#${nth}`, functionName: this.name });
    return i32(this.sites.length - 1);
  }

  local(type) {
    const name = `$sim${this.locals.length}`;
    this.locals.push(["local", name, type]);
    return name;
  }

  /** Puts each operand in a local of its own. Returns the statements that do, and the reads that replace the operands. */
  spill(operands, types) {
    const names = operands.map((_, i) => this.local(types[i]));
    return { before: operands.map((operand, i) => set(names[i], operand)), reads: names.map(get) };
  }

  rewrite(node) {
    if (typeof node === "string") return node;
    if (isPause(node)) return ["nop"];
    const done = node.map((part, i) => (i === 0 ? part : this.rewrite(part)));
    const access = ACCESS.exec(done[0]);
    if (access) return this.access(done, access);
    if (done[0] === "loop" && isSeen(node)) done.splice(bodyStart(done), 0, ...this.fuelled(LOOP, "loop"));
    else if (done[0] === "memory.size") return ["i32.load", i32(PAGES_AT)];
    else if (done[0] === "memory.fill" || done[0] === "memory.copy") return this.bulk(done);
    else if (done[0] === "memory.atomic.wait32") return this.wait(done);
    else if (done[0] === "memory.atomic.notify") return this.notify(done);
    return done;
  }

  fuelled(kind, text) {
    return [
      ["global.set", FUEL, ["i32.sub", ["global.get", FUEL], i32(1)]],
      ["if", ["i32.le_s", ["global.get", FUEL], i32(0)], ["then", call("$simPoint", this.site(kind, 0, text), i32(0))]],
    ];
  }

  access(node, [, type, atomic, action, width]) {
    const writes = action !== "load";
    const kind = action === "rmw" ? RMW : (atomic ? ATOMIC_LOAD : LOAD) + (writes ? 1 : 0);
    const size = type === "v128" && width === undefined ? 16 : width ? width / 8 : BYTES[type];
    const immediates = node.slice(1).filter((part) => typeof part === "string");
    const operands = operandsOf(node);
    const { before, reads } = this.spill(operands, ["i32", type, type]);
    const offset = immediates.find((part) => part.startsWith("offset="))?.slice(7) ?? "0";
    const address = offset === "0" ? reads[0] : ["i32.add", reads[0], i32(offset)];
    const site = this.site(kind, size, node[0]);
    const hook =
      size === 16
        ? call("$simRange", site, address, i32(16))
        : ["if", isUnknown(address, writes), ["then", call("$simPoint", site, address)]];
    const result = action === "store" ? [] : [["result", type]];
    return ["block", ...result, ...before, hook, [node[0], ...immediates, ...reads]];
  }

  bulk(node) {
    const { before, reads } = this.spill(operandsOf(node), ["i32", "i32", "i32"]);
    const [to, from, bytes] = reads;
    const hooks =
      node[0] === "memory.fill"
        ? [call("$simRange", this.site(FILL, 0, "memory.fill"), to, bytes)]
        : [
            call("$simRange", this.site(COPY_FROM, 0, "memory.copy(from)"), from, bytes),
            call("$simRange", this.site(COPY_TO, 0, "memory.copy(to)"), to, bytes),
          ];
    return ["block", ...before, ...hooks, [node[0], ...reads]];
  }

  wait(node) {
    const { before, reads } = this.spill(operandsOf(node), ["i32", "i32", "i64"]);
    return ["block", ["result", "i32"], ...before, call("$simWait", this.site(WAIT, 4, "wait"), reads[0], reads[1])];
  }

  notify(node) {
    const { before, reads } = this.spill(operandsOf(node), ["i32", "i32"]);
    return ["block", ["result", "i32"], ...before, call("$simNotify", this.site(NOTIFY, 4, "notify"), reads[0])];
  }

  run(func) {
    const start = bodyStart(func);
    const head = func.slice(0, start);
    const entry = this.fuelled(ENTRY, "entry");
    const body = func.slice(start).map((part) => this.rewrite(part));
    return [...head, ...this.locals, ...entry, ...body];
  }
}

/**
 * Whether anybody can tell how often a loop was run through: a pause touches no memory and calls nothing, so dying in it, or an exception
 * there, is the same as before it.
 */
function isSeen(node) {
  if (typeof node === "string") return false;
  const [name] = node;
  return name.startsWith("call") || name.startsWith("memory.") || ACCESS.test(name) || node.some(isSeen);
}

/** Whether this is the loop of a latch's pause, which takes time and does nothing else: here time is the scheduler's. */
const isPause = (node) => node[0] === "loop" && !isSeen(node) && hasRoot(node);

const hasRoot = (node) => typeof node !== "string" && (node[0] === "f64.sqrt" || node.some(hasRoot));

/** Whether the shadow byte lacks this thread's bit. */
function isUnknown(address, writes) {
  const byte = ["i32.load8_u", `offset=${SHADOW}`, ["i32.shr_u", address, i32(3)]];
  return ["i32.eqz", ["i32.and", byte, ["global.get", writes ? "$simWriteMask" : "$simReadMask"]]];
}

const IMPORTS = [
  ["import", '"sim"', '"point"', ["func", "$simPoint", ["param", "i32", "i32"]]],
  ["import", '"sim"', '"range"', ["func", "$simRange", ["param", "i32", "i32", "i32"]]],
  ["import", '"sim"', '"wait"', ["func", "$simWait", ["param", "i32", "i32", "i32"], ["result", "i32"]]],
  ["import", '"sim"', '"notify"', ["func", "$simNotify", ["param", "i32", "i32"], ["result", "i32"]]],
];

const SIM_GLOBALS = ["simReadMask", "simWriteMask", "simFuel"];
const MUTANT = "simMutant";

const simGlobal = (name) => ["global", `$${name}`, ["export", `"${name}"`], ["mut", "i32"], i32(0)];

/** Two functions that move the core's own mutable globals to memory and back. */
function savers(globals) {
  const save = ["func", ["export", '"simSave"'], ["param", "$at", "i32"]];
  const load = ["func", ["export", '"simLoad"'], ["param", "$at", "i32"]];
  globals.forEach(([name, type], i) => {
    const offset = `offset=${i * 8}`;
    save.push([`${type}.store`, offset, get("$at"), ["global.get", name]]);
    load.push(["global.set", name, [`${type}.load`, offset, get("$at")]]);
  });
  return [save, load];
}

/**
 * What a thread outside the core does that waits to be told: it looks at a word and at a claim, and sleeps while the word is what it was. Hooked
 * as the core is. Others may come in between its looks and its sleep.
 */
function waiterFunctions() {
  const look = ["i32.atomic.load", get("$at")];
  const sleep = ["memory.atomic.wait32", get("$at"), get("$seen"), ["i64.const", "-1"]];
  const at = ["param", "$at", "i32"];
  const seen = ["param", "$seen", "i32"];
  return {
    Look: ["func", "$simLook", at, ["result", "i32"], look],
    Claim: ["func", "$simClaim", at, ["result", "i64"], ["i64.atomic.load", get("$at")]],
    Sleep: ["func", "$simSleep", at, seen, ["result", "i32"], ["drop", look], sleep],
  };
}

/** Puts the core on the simulator's memory: unshared (one JavaScript thread runs all), and longer than the region. */
function widenMemory(module) {
  for (const node of module) {
    if (isNode(node, "import") && isNode(node[3], "memory")) node[3].splice(2, 3, `${TOTAL_PAGES}`, `${TOTAL_PAGES}`);
  }
}

const mutableGlobals = (module) =>
  module.filter((node) => isNode(node, "global") && isNode(node[2], "mut")).map((node) => [node[1], node[2][1]]);

/** Where in the module's list definitions may begin: after types and imports. */
const firstDefinition = (module) => module.findIndex((node) => isNode(node) && !["type", "import"].includes(node[0]));

function finish(tree, asyncified) {
  const module = binaryen.parseText(print(tree));
  try {
    setFeatures(module);
    if (!module.validate()) throw new Error("the instrumented module is not valid");
    binaryen.setOptimizeLevel(2);
    binaryen.setShrinkLevel(0);
    if (asyncified) {
      binaryen.setPassArgument("asyncify-imports", "sim.point,sim.range,sim.wait,sim.notify");
      module.runPasses(["asyncify"]);
    }
    module.optimize();
    return module.emitBinary();
  } finally {
    module.dispose();
  }
}

function textOf(bytes) {
  const module = binaryen.readBinary(bytes);
  setFeatures(module);
  const text = module.emitText();
  module.dispose();
  return text;
}

/**
 * The tree with its mutants, optimised as the shipped core is: what is inlined there must be here, for an exception falls only where a
 * function begins.
 */
function mutated(tree, mutate) {
  tree.splice(firstDefinition(tree), 0, simGlobal(MUTANT));
  mutate(tree);
  const module = binaryen.parseText(print(tree));
  try {
    setFeatures(module);
    binaryen.setOptimizeLevel(3);
    binaryen.setShrinkLevel(0);
    binaryen.setAlwaysInlineMaxSize(12);
    binaryen.setFlexibleInlineMaxSize(70);
    binaryen.setOneCallerInlineMaxSize(200);
    module.optimize();
    module.optimize();
    return parse(module.emitText());
  } finally {
    module.dispose();
  }
}

/**
 * The instrumented module and the list of its sites. `names` are the functions' names in the binary's order, where the binary
 * itself has none; `mutate` may change the tree before anything else is done.
 */
export function instrument(bytes, names, mutate = undefined) {
  let tree = parse(textOf(bytes));
  const globals = mutableGlobals(tree);
  if (mutate) tree = mutated(tree, mutate);
  else tree.splice(firstDefinition(tree), 0, simGlobal(MUTANT));
  widenMemory(tree);
  const sites = [];
  let index = 0;
  const rewritten = tree.map((node) => {
    if (!isNode(node, "func")) return node;
    const own = typeof node[1] === "string" ? node[1].slice(1) : String(index);
    const pass = new FunctionPass(shortName(names?.[index] ?? own), sites);
    index++;
    return pass.run(node);
  });
  for (const [name, func] of Object.entries(waiterFunctions())) {
    rewritten.push(new FunctionPass(`waiter/${name.toLowerCase()}`, sites).run(func));
    rewritten.push(["export", `"sim${name}"`, ["func", func[1]]]);
  }
  const at = firstDefinition(rewritten);
  rewritten.splice(at, 0, ...IMPORTS, ...SIM_GLOBALS.map(simGlobal));
  rewritten.push(...savers(globals));
  return { bytes: finish(rewritten, true), sites };
}

/** The same core without hooks, on the same memory: what sets scenarios up and looks at their ends. */
export function plain(bytes) {
  const tree = parse(textOf(bytes));
  widenMemory(tree);
  const globals = mutableGlobals(tree);
  const rewrite = (node) => {
    if (typeof node === "string") return node;
    const done = node.map((part, i) => (i === 0 ? part : rewrite(part)));
    if (done[0] === "memory.size") return ["i32.load", i32(PAGES_AT)];
    // Nobody else runs while this does, so who waits for the lock may as well give up, and nobody is there to be woken.
    if (done[0] === "memory.atomic.wait32") return drained(done, 2);
    if (done[0] === "memory.atomic.notify") return drained(done, 0);
    return done;
  };
  const rewritten = tree.map((node) => (isNode(node, "func") ? rewrite(node) : node));
  rewritten.push(...savers(globals));
  return finish(rewritten, false);
}

const drained = (node, value) => [
  "block",
  ["result", "i32"],
  ...operandsOf(node).map((operand) => ["drop", operand]),
  i32(value),
];

/** `assembly/heap/takeHot` → `heap/takeHot`. */
const shortName = (name) => name.replace(/^assembly\//, "");
