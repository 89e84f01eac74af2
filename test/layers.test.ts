// The layer law: a file imports only its own or a lower layer, and raw memory stays where it belongs. Each rule is a table
// below and a function that lists what breaks it; each function is also shown to find a planted breach.
import { describe, expect, it } from "vitest";
import { type Source, source, sourcesUnder } from "./lib/sources.js";

/** The core, lowest layer first. A file may import files of its own layer and of those before it. */
const CORE_LAYERS: readonly (readonly string[])[] = [
  ["bits", "memory", "atomic", "header"],
  ["owners", "claim", "counters", "latch", "pool"],
  [
    "budget",
    "waiting",
    "leaving",
    "pages",
    "sizeclass",
    "slab",
    "trim",
    "record",
    "charged",
    "arena",
    "hint",
    "lock",
    "heap",
    "resize",
  ],
  ["chunk", "names", "reservation", "nodes"],
  ["ring", "ringbatch", "ringbell", "ringend", "ringpool", "ringlife"],
  [
    "hash",
    "undo",
    "cachepage",
    "pieces",
    "cachepin",
    "sketch",
    "table",
    "entries",
    "eviction",
    "cachemove",
    "cacheloads",
    "cachehear",
    "cachelatch",
    "relist",
    "going",
    "room",
    "cachefetch",
    "lookup",
    "cache",
    "cachekeys",
    "cachelife",
  ],
  ["report", "settle", "recover", "check", "checkbudgets", "checkrings", "checkcaches", "region"],
  ["index"],
];

/** Builtins of AssemblyScript, and the only core files that may use them. */
const CORE_BUILTINS: readonly { name: string; pattern: RegExp; files: readonly string[] }[] = [
  { name: "atomic.", pattern: /(?<![\w$])atomic\s*\./, files: ["atomic"] },
  { name: "load<", pattern: /(?<![\w$])load\s*</, files: ["memory", "atomic"] },
  { name: "store<", pattern: /(?<![\w$])store\s*</, files: ["memory", "atomic"] },
];

/** Bare packages that an area may import. */
const BINDINGS_PACKAGES = ["@assemblyscript/loader"];
const SRC_PACKAGES = ["bytes"];
const DEMO_PACKAGES = ["cli-progress"];

/** What `src` must not say: it would touch a region's memory directly. The demo is a user, with shared words of its own. */
const RAW_MEMORY: readonly RegExp[] = [
  /\bAtomics\b/,
  /\bDataView\b/,
  /new\s+(?:\w+Array|Buffer)\s*\([^)]*\.buffer\b/,
  /\bBuffer\s*\.\s*from\s*\([^)]*\.buffer\b/,
];

const LINES_MAX = 500;

const isSpec = ({ path }: Source): boolean => path.includes("__tests__/");
const core = sourcesUnder("assembly").filter((file) => !isSpec(file) && !file.path.endsWith(".d.ts"));
const bindings = sourcesUnder("bindings");
const src = sourcesUnder("src");
const tools = [...sourcesUnder("scripts"), ...sourcesUnder("bench")];
const tests = [...sourcesUnder("test"), ...sourcesUnder("assembly").filter(isSpec)];

const stem = (path: string): string => path.replace(/^assembly\//, "").replace(/\.ts$/, "");
const layerOf = (name: string): number =>
  name.startsWith("shared/") ? -1 : CORE_LAYERS.findIndex((layer) => layer.includes(name));
const isUnder = (path: string, ...folders: string[]): boolean =>
  folders.some((folder) => path === folder || path.startsWith(`${folder}/`));

function coreBreaches({ path, imports }: Source): string[] {
  const name = stem(path);
  const layer = layerOf(name);
  const isShared = name.startsWith("shared/");
  if (layer < 0 && !isShared) return [`${path} stands in no layer: add it to CORE_LAYERS`];
  return imports
    .filter((target) => {
      const to = stem(target);
      if (isShared || !isUnder(target, "assembly")) return true;
      return !to.startsWith("shared/") && (layerOf(to) < 0 || layerOf(to) > layer);
    })
    .map((target) => `${path} imports ${target}`);
}

function builtinBreaches({ path, code }: Source): string[] {
  return CORE_BUILTINS.filter(({ pattern, files }) => pattern.test(code) && !files.includes(stem(path))).map(
    ({ name }) => `${path} uses ${name}`,
  );
}

function mayImport(path: string, target: string): boolean {
  if (isUnder(path, "bindings")) {
    return (
      isUnder(target, "bindings", "assembly/shared") ||
      /^build\/[\w.]+\.wasm$/.test(target) ||
      BINDINGS_PACKAGES.includes(target)
    );
  }
  if (isUnder(path, "src/demo")) {
    return (
      isUnder(target, "src/demo") ||
      target === "src/index" ||
      target.startsWith("node:") ||
      DEMO_PACKAGES.includes(target)
    );
  }
  if (isUnder(path, "src/adapters")) return isUnder(target, "src/adapters") || target === "src/index";
  if (isUnder(target, "src/demo", "src/adapters")) return false;
  // Its types: a value of it would not go into the bundle for pages.
  if (path === "src/streams/index.ts" && target === "node:stream") return true;
  return isUnder(target, "src", "bindings") || SRC_PACKAGES.includes(target);
}

function importBreaches({ path, imports }: Source): string[] {
  return imports.filter((target) => !mayImport(path, target)).map((target) => `${path} imports ${target}`);
}

function layoutBreaches({ path, imports }: Source): string[] {
  if (isUnder(path, "assembly", "bindings")) return [];
  return imports.filter((target) => target === "assembly/shared/layout").map(() => `${path} knows the layout`);
}

function rawBreaches({ path, code }: Source): string[] {
  if (isUnder(path, "src/demo")) return [];
  return RAW_MEMORY.filter((pattern) => pattern.test(code)).map((pattern) => `${path} matches ${pattern}`);
}

function lengthBreaches({ path, text }: Source): string[] {
  const lines = text.split("\n").length - 1;
  return lines > LINES_MAX ? [`${path} has ${lines} lines`] : [];
}

function headerBreaches({ path, text }: Source): string[] {
  return /^(#!.*\n)?\s*(\/\/|\/\*)/.test(text) ? [] : [`${path} does not begin with a comment`];
}

describe("the layer law", () => {
  it("finds the files it speaks about", () => {
    expect(core.map(({ path }) => path)).toContain("assembly/index.ts");
    expect(core.map(({ path }) => path)).toContain("assembly/shared/layout.ts");
    expect(core.flatMap(({ imports }) => imports).length).toBeGreaterThan(10);
    expect(bindings.flatMap(({ imports }) => imports)).toContain("assembly/shared/layout");
    expect(src.map(({ path }) => path)).toContain("src/index.ts");
    expect(tests.map(({ path }) => path)).toContain("test/layers.test.ts");
    expect(tools.map(({ path }) => path)).toContain("scripts/build.mjs");
  });

  it("lets a core file import its own or a lower layer only", () => {
    expect(core.flatMap(coreBreaches)).toEqual([]);
  });

  it("lets the bindings, the public nouns, the demo and the adapters import what they may", () => {
    expect([...bindings, ...src].flatMap(importBreaches)).toEqual([]);
  });

  it("keeps the layout to the core and the bindings", () => {
    expect([...src, ...tools].flatMap(layoutBreaches)).toEqual([]);
  });

  it("keeps raw memory out of src", () => {
    expect(src.flatMap(rawBreaches)).toEqual([]);
  });

  it("keeps atomics, loads and stores in the files named for them", () => {
    expect(core.flatMap(builtinBreaches)).toEqual([]);
  });
});

describe("the files", () => {
  it("begin with a comment that says what they are", () => {
    expect([...core, ...bindings, ...src, ...tools].flatMap(headerBreaches)).toEqual([]);
  });

  it(`have at most ${LINES_MAX} lines`, () => {
    expect([...core, ...bindings, ...src, ...tools, ...tests].flatMap(lengthBreaches)).toEqual([]);
  });
});

describe("the rules find a planted breach", () => {
  const plant = (path: string, text: string): Source => source(path, text);

  it("of the core's layers", () => {
    expect(coreBreaches(plant("assembly/bits.ts", 'import { alloc } from "./heap";'))).toHaveLength(1);
    expect(coreBreaches(plant("assembly/heap.ts", 'import { a } from "./bits";\nexport { b } from "./slab";'))).toEqual(
      [],
    );
    expect(coreBreaches(plant("assembly/heap.ts", 'import { x } from "bytes";'))).toHaveLength(1);
    expect(coreBreaches(plant("assembly/nameless.ts", ""))).toHaveLength(1);
    expect(coreBreaches(plant("assembly/shared/layout.ts", 'import { x } from "./limits";'))).toHaveLength(1);
  });

  it("of the imports", () => {
    const breaches = (path: string, target: string): number =>
      importBreaches(plant(path, `import x from "${target}";`)).length;
    expect(breaches("bindings/core.ts", "../src/region.js")).toBe(1);
    expect(breaches("bindings/core.ts", "../assembly/heap.js")).toBe(1);
    expect(breaches("bindings/core.ts", "../build/core.wasm")).toBe(0);
    expect(breaches("src/region.ts", "../assembly/shared/status.js")).toBe(1);
    expect(breaches("src/region.ts", "node:fs")).toBe(1);
    expect(breaches("src/region.ts", "./adapters/http.js")).toBe(1);
    expect(breaches("src/region.ts", "../bindings/core.js")).toBe(0);
    expect(breaches("src/demo/main.ts", "../region.js")).toBe(1);
    expect(breaches("src/demo/main.ts", "../index.js")).toBe(0);
    expect(breaches("src/adapters/http.ts", "../region.js")).toBe(1);
    expect(importBreaches(plant("src/region.ts", 'const x = await import("node:fs");'))).toHaveLength(1);
    expect(importBreaches(plant("src/region.ts", '// import x from "node:fs";'))).toEqual([]);
  });

  it("of the layout and of raw memory", () => {
    expect(layoutBreaches(plant("src/a.ts", 'import { H } from "../assembly/shared/layout.js";'))).toHaveLength(1);
    expect(rawBreaches(plant("src/a.ts", "Atomics.load(x, 0);"))).toHaveLength(1);
    expect(rawBreaches(plant("src/a.ts", "new Uint8Array(region.memory.buffer, 0)"))).toHaveLength(1);
    expect(rawBreaches(plant("src/a.ts", '// Atomics\nconst a = "DataView";'))).toEqual([]);
  });

  it("of the builtins, the comment and the length", () => {
    expect(builtinBreaches(plant("assembly/heap.ts", "atomic.load<u32>(at)"))).toHaveLength(2);
    expect(builtinBreaches(plant("assembly/memory.ts", "load<u32>(at)"))).toEqual([]);
    expect(builtinBreaches(plant("assembly/heap.ts", "// load<u32>(at)"))).toEqual([]);
    expect(headerBreaches(plant("src/a.ts", "export const a = 1;"))).toHaveLength(1);
    expect(lengthBreaches(plant("src/a.ts", "\n".repeat(LINES_MAX + 1)))).toHaveLength(1);
  });
});
