// Size: sizes as people write them. The arithmetic is the `bytes` package's; binary unit names and percentages are added here.

import bytesLibrary from "bytes";

const SIZE = /^(\d+(?:\.\d+)?)\s*(b|[kmgtp]i?b?)?$/i;
const PERCENT = /^(\d+(?:\.\d+)?)\s*%$/;

/**
 * Bytes of a size: a number of bytes, or a text such as `"64MiB"`, `"512MB"`, `"1.5g"`, `"4096"`, `"25%"`. 1 KB is 1024 bytes, as in
 * the specifications. A percentage needs `whole`, the bytes that are 100 %.
 * Throws TypeError for what is no size, RangeError for negative or unsafe numbers.
 */
export function parseSize(size: number | string, whole?: number): number {
  if (typeof size === "number") return wholeBytes(size, size);
  if (typeof size !== "string")
    throw new TypeError(`a size is a number of bytes or a text like "64MiB", got ${describe(size)}`);
  const text = size.trim();
  const percent = PERCENT.exec(text);
  if (percent) {
    if (whole === undefined)
      throw new TypeError(`"${size}": a percentage is not possible here, give bytes like "64MiB"`);
    return wholeBytes((Number(percent[1]) / 100) * whole, size);
  }
  const match = SIZE.exec(text);
  if (!match) throw new TypeError(`"${size}" is no size: write it like "64MiB", "512MB", "4096" or "25%"`);
  const unit = (match[2] ?? "b").toLowerCase().replace(/i?b?$/, "");
  return wholeBytes(bytesLibrary.parse(`${match[1]}${unit}b`) ?? Number.NaN, size);
}

/** A size as text: `67108864` → `"64 MiB"`, at most two decimals. */
export function formatSize(bytes: number): string {
  if (typeof bytes !== "number" || !Number.isFinite(bytes))
    throw new TypeError(`bytes must be a finite number, got ${describe(bytes)}`);
  const text = bytesLibrary.format(bytes, { unitSeparator: " " }) ?? `${bytes} B`;
  return text.replace(/([KMGTP])B$/, "$1iB");
}

const TEXT_SHOWN = 80;

/** What a wrong argument was, for an error's text: a long text is cut, an array of bytes is told by its kind. */
export function describe(value: unknown): string {
  if (typeof value === "string")
    return value.length <= TEXT_SHOWN
      ? JSON.stringify(value)
      : `${JSON.stringify(value.slice(0, TEXT_SHOWN))}… (${value.length} characters)`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    const kind = Object.prototype.toString.call(value).slice(8, -1);
    return `${/^[AI]/.test(kind) ? "an" : "a"} ${kind}`;
  }
  if (typeof value === "object" && value !== null) return "an object";
  return typeof value === "function" ? "a function" : String(value);
}

function wholeBytes(value: number, size: number | string): number {
  const bytes = Math.floor(value);
  if (Number.isNaN(bytes)) throw new TypeError(`${describe(size)} is no size`);
  if (bytes < 0 || !Number.isSafeInteger(bytes))
    throw new RangeError(`a size is between 0 and 2^53 − 1 bytes, got ${describe(size)}`);
  return bytes;
}
