// Cache words: what the layout calls a word of a cache: in its control, its namespaces, its users, its table, its pages and their entries.

const CONTROL = (
  "STATE CLOSER NEXT NAME GRAINS BUDGET BUDGET_STATE USERS SPACES SPACE_COUNT SEED BUCKETS PINNING CONFIG LATCH NEW OLD SPLIT PAGE " +
  "PAGE_CLAIM DEAD LIMBO ITEMS BYTES VALUES SLOTS HELD PEAK WINDOW MAIN SPARE ALL MORE HAND AGE TICK MORTAL SWEEP TABLE LONG MORE_PAGES " +
  "MAX_BYTES MAX_VALUES MAX_ITEMS POLICY MEASURE FAVOUR RETENTION CRITICAL GONE REFUSED SETS REPLACED MOVED AGES ROOM PAGES LOG VICTIMS " +
  "HEARING LOADS BELL LOADING LOAD LOADED"
)
  .split(" ")
  .map((name) => `K_${name}`);
const USER = "OWNER RESERVED LOAD FENCE ENTRY VALUE LENGTH TAG EXPIRES HITS MISSES PINS SHOWN WHY PIECES PINNED"
  .split(" ")
  .map((name) => `U_${name}`);
const ENTRY = "HASH PLACE BEFORE NEXT VALUE_LENGTH KEY STATE CREATED RANK EXPIRES DEAD PIECES TEXT"
  .split(" ")
  .map((name) => `E_${name}`);

/** The last of these names whose offset is not above this one. */
function field(c, names, offset) {
  let best;
  for (const name of names) if (c[name] <= offset && (best === undefined || c[name] >= c[best])) best = name;
  return best;
}

/** What a word of the heap is, if it is a cache's. */
export function cacheWord(view, address) {
  const { c } = view;
  for (let cache = view.word(c.H_CACHES), i = 0; cache !== 0 && i < 9; cache = view.word(cache + c.K_NEXT), i++) {
    const name = nameIn(view, cache, address);
    if (name) return name;
  }
  return undefined;
}

const isIn = (address, from, bytes) => from !== 0 && address >= from && address < from + bytes;

function nameIn(view, cache, address) {
  const { c } = view;
  if (isIn(address, cache, c.CACHE_CONTROL_BYTES)) return field(c, CONTROL, address - cache);
  const [spaces, users] = [view.word(cache + c.K_SPACES), view.word(cache + c.K_USERS)];
  if (isIn(address, spaces, users - spaces)) return "a cache's namespace";
  if (isIn(address, users, view.word(cache + c.K_GRAINS) * c.GRAIN_BYTES - (users - cache)))
    return field(c, USER, (address - users) % c.USER_BYTES);
  return tableWord(view, cache, address) ?? pageWord(view, cache, address);
}

function bucketWord({ c }, offset) {
  if (offset < c.BUCKET_NEXT) return "BUCKET_VERSION";
  if (offset < c.BUCKET_PLACES) return "BUCKET_NEXT";
  if (offset >= c.BUCKET_SKETCH) return "a sketch";
  return offset % 8 < 4 ? "a place" : "a place's hits and tag";
}

function tableWord(view, cache, address) {
  const { c } = view;
  for (let i = 0; i < c.ADDRESS_PAGES_MAX; i++) {
    const addresses = view.word(cache + c.K_PAGES + 4 * i);
    if (addresses === 0) break;
    if (isIn(address, addresses, c.PAGE_BYTES)) return "a page of addresses";
    for (let at = addresses; at < addresses + c.PAGE_BYTES; at += 4) {
      const page = view.word(at);
      if (page === 0) break;
      if (isIn(address, page, c.PAGE_BYTES)) return bucketWord(view, (address - page) % c.BUCKET_BYTES);
    }
  }
  for (let page = view.word(cache + c.K_MORE_PAGES); page !== 0; page = view.word(page + c.MORE_NEXT))
    if (isIn(address, page, c.PAGE_BYTES)) return bucketWord(view, (address - page) % c.BUCKET_BYTES);
  return undefined;
}

function pageWord(view, cache, address) {
  const { c } = view;
  const pages = [view.word(cache + c.K_SPARE)];
  for (
    let page = view.word(cache + c.K_ALL), i = 0;
    page !== 0 && i < 99;
    page = view.word(page + c.PAGE_ALL_NEXT), i++
  )
    pages.push(page);
  const page = pages.find((at) => isIn(address, at, Math.max(1, view.word(at + c.PAGE_GRAINS)) * c.GRAIN_BYTES));
  if (page === undefined) return undefined;
  const offset = address - page - c.PAGE_HEADER;
  if (offset < 0) return "a cache page's header";
  return field(c, ENTRY, offset % view.word(page + c.PAGE_LENGTH));
}
