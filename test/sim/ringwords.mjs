// Ring words: what the layout calls a word of a ring, in its control, its parties, its slots or its descriptors.

const CONTROL = ["STATE", "CLOSER", "NEXT", "NAME", "MASK", "SLOTS", "PARTIES", "BUDGET", "BUDGET_STATE", "POLICY"];
const CONTROL_TOO = ["DELIVERY", "CAPACITY_MAX", "DESCRIPTORS", "WINDOW", "AGAIN", "GRAINS", "LIMIT", "LIMIT_BYTES"];
const CONTROL_REST = ["HIGH", "LOW", "IS_HIGH", "TAIL", "HEAD", "ITEMS", "ROOM"];
const PARTY = [
  "OWNER",
  "CURSOR",
  "KEPT",
  "HAND",
  "HEAD",
  "TAIL",
  "PEAK",
  "DROPPED",
  "REFUSED",
  "TAIL_LAPS",
  "HEAD_LAPS",
  "AHEAD",
];
const DESCRIPTOR = ["WORD", "BLOCK", "ROOM", "CLAIM", "LENGTH", "TAG"];

function field(c, prefix, names, offset) {
  const name =
    names.find((known) => c[prefix + known] === offset) ?? names.find((known) => c[prefix + known] === offset - 4);
  return name ? prefix + name : `${prefix}${offset}`;
}

/** Calls `visit(address)` for each ring of the list. */
export function walkRings(view, visit) {
  const { c } = view;
  for (let ring = view.word(c.H_RINGS), i = 0; ring !== 0 && i < 99; ring = view.word(ring + c.Q_NEXT), i++)
    visit(ring);
}

/** Chunks of descriptors: [address, how many]. */
export function chunksOf(view, ring) {
  const found = [];
  for (let i = 0; i < view.c.RING_CHUNKS_MAX; i++) {
    const chunk = view.word(ring + view.c.Q_CHUNKS + 4 * i);
    if (chunk !== 0) found.push([chunk, i < 2 ? 32 : 32 << (i - 1)]);
  }
  return found;
}

/** Addresses of all descriptors. */
export function descriptorsOf(view, ring) {
  const { c } = view;
  const inGroup = c.IN_GROUP + 1;
  const place = (i) => Math.floor(i / inGroup) * 2 ** c.GROUP_SHIFT + (i % inGroup) * 2 ** c.DESCRIPTOR_SHIFT;
  return chunksOf(view, ring).flatMap(([chunk, length]) => Array.from({ length }, (_, i) => chunk + place(i)));
}

/** What a word of the heap is, if it is a ring's. */
export function ringWord(view, address) {
  let name;
  walkRings(view, (ring) => (name ??= nameIn(view, ring, address)));
  return name;
}

function nameIn(view, ring, address) {
  const { c } = view;
  const offset = address - ring;
  if (offset >= 0 && offset < view.word(ring + c.Q_GRAINS) * c.GRAIN_BYTES) {
    if (offset === c.Q_TAIL + c.LAPS || offset === c.Q_HEAD + c.LAPS) return "LAPS";
    if (offset < c.RING_CONTROL_BYTES) return field(c, "Q_", [...CONTROL, ...CONTROL_TOO, ...CONTROL_REST], offset);
    if (address >= view.word(ring + c.Q_SLOTS)) return "a ring's slot";
    return field(c, "P_", [...PARTY, "AGAIN", "LOST"], (offset - c.RING_CONTROL_BYTES) % c.PARTY_BYTES);
  }
  for (const [chunk, count] of chunksOf(view, ring)) {
    if (address < chunk || address >= chunk + count * c.DESCRIPTOR_BYTES) continue;
    const inGroup = (address - chunk) % (1 << c.GROUP_SHIFT);
    const isLasting = inGroup >= c.D_BLOCK;
    return field(c, "D_", DESCRIPTOR, (isLasting ? c.D_BLOCK : 0) + (inGroup % (1 << c.DESCRIPTOR_SHIFT)));
  }
  return undefined;
}
