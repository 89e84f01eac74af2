// Budget words: what the layout calls a word of the budgets: in the header, or in a chunk.

const HEADER = ["H_BUDGET_LOCK", "H_LEAVING", "H_LEAVING_BLOCKS", "H_NODES", "H_RECORDS", "H_NAMES"];
const NODE = ["STATE", "CLOSER", "PARENT", "NAME", "LIMIT", "USED", "AFTER", "PEAK", "MIN", "SOFT", "ITEMS_MAX"];
const NODE_TOO = [
  "ITEMS_AFTER",
  "ITEMS",
  "NEXT",
  "QUEUE",
  "DEPTH",
  "PRIORITY",
  "REFUSED",
  "FLAGS",
  "BYPASS",
  "ROOMY",
  "SLABS",
];
const RECORD = ["CLAIM", "BYTES", "BUDGET", "TAG", "NEXT", "PASSED"];

/** The name of the field at `offset`: its own word, or the lower half of the one that reaches there. */
function field(c, prefix, names, offset) {
  const at = (wanted) => names.find((name) => c[prefix + name] === wanted);
  if (prefix === "B_" && offset >= c.B_SLABS) return "B_SLABS";
  const name = at(offset) ?? at(offset - 4);
  return name ? prefix + name : `${prefix}${offset}`;
}

/** What a word of the header is, if it is one of the budgets'. */
export function budgetHeaderWord(c, address) {
  const name = HEADER.find((name) => c[name] === address) ?? HEADER.slice(3).find((name) => c[name] + 4 === address);
  if (name) return name;
  return address >= c.H_CHARGE && address < c.H_NODES ? "the journal of charges" : undefined;
}

/** What a word of the heap is, if it lies in a chunk. */
export function chunkWord(view, address) {
  const { c } = view;
  const pools = [
    [c.H_NODES, c.NODE_BYTES, c.NODE_CHUNK_GRAINS, "B_", [...NODE, ...NODE_TOO]],
    [c.H_RECORDS, c.RESERVATION_BYTES, c.RECORD_CHUNK_GRAINS, "V_", RECORD],
    [c.H_NAMES, c.NAME_BYTES, c.NAME_CHUNK_GRAINS, "N_", ["LENGTH", "TEXT"]],
  ];
  for (const [pool, bytes, grains, prefix, names] of pools) {
    for (let chunk = view.word(pool + 4), i = 0; chunk !== 0 && i < 99; chunk = view.word(chunk + c.CHUNK_NEXT), i++) {
      if (address < chunk || address >= chunk + grains * c.GRAIN_BYTES) continue;
      const offset = address - chunk - c.CHUNK_HEADER;
      return offset < 0 ? "a chunk's header" : field(c, prefix, names, offset % bytes);
    }
  }
  return undefined;
}
