// How bundles carry the core: as text in which the frequent bytes are one printable character each and the others two. Base64 hides the
// repetitions that gzip lives on; this keeps them, and a gzipped bundle is no larger than with the bare bytes.
//
// The bytes are numbered by how often they occur. Number n below SINGLES is the n-th printable character (without quote and backslash);
// above, one of the last characters says which block of SINGLES it lies in, and a second its place there. The text begins with the bytes
// in the order of their numbers, each given by itself.
import { readFileSync } from "node:fs";

const ALPHABET = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).filter((c) => !'"\\'.includes(c));
const SINGLES = ALPHABET.length - 2;

const letters = (number) =>
  number < SINGLES
    ? ALPHABET[number]
    : ALPHABET[SINGLES + Math.floor(number / SINGLES) - 1] + ALPHABET[number % SINGLES];

/** The 256 bytes, the most frequent first. */
function byFrequency(bytes) {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte]++;
  return Array.from(counts.keys()).sort((a, b) => counts[b] - counts[a] || a - b);
}

function toText(bytes) {
  const order = byFrequency(bytes);
  const numbers = new Map(order.map((byte, number) => [byte, letters(number)]));
  return order.map(letters).join("") + Array.from(bytes, (byte) => numbers.get(byte)).join("");
}

/** The module that stands for a `.wasm` import: its default export is the file's bytes. */
export function wasmAsModule(path) {
  const text = JSON.stringify(toText(readFileSync(path)));
  return `const numbers = [];
let block = 0;
for (const c of ${text}) {
  const code = c.charCodeAt(0);
  const n = code - 32 - (code > 34) - (code > 92);
  if (n >= ${SINGLES}) block = (n - ${SINGLES - 1}) * ${SINGLES};
  else {
    numbers.push(block + n);
    block = 0;
  }
}
export default Uint8Array.from(numbers.slice(256), (n) => numbers[n]);`;
}

/** The same as an esbuild plugin. */
export const wasmTextPlugin = {
  name: "wasm-text",
  setup({ onLoad }) {
    onLoad({ filter: /\.wasm$/ }, ({ path }) => ({ contents: wasmAsModule(path), loader: "js" }));
  },
};
