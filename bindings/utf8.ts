// UTF-8: names as bytes and back, also where a host has neither TextEncoder nor TextDecoder: an AudioWorklet. Owns nothing.

/** The bytes of a text; what is half a surrogate pair becomes U+FFFD. O(length). */
export function toUtf8(text: string): Uint8Array<ArrayBuffer> {
  if (globalThis.TextEncoder !== undefined) return new TextEncoder().encode(text);
  const whole = text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
  const escaped = encodeURIComponent(whole).match(/%..|./g) ?? [];
  return Uint8Array.from(escaped, (one) => (one.length === 3 ? Number.parseInt(one.slice(1), 16) : one.charCodeAt(0)));
}

/** The text of bytes that `toUtf8` made. O(length). */
export function fromUtf8(bytes: Uint8Array): string {
  if (globalThis.TextDecoder !== undefined) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  return decodeURIComponent(Array.from(bytes, (byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
}
