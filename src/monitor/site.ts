// Site: where the program called the library, as the lines of a stack. Owns nothing but how this library's own frames are known: by the name of
// the method that was called, which bundlers keep, or by the folder that they lie in. Only text is kept, for an Error holds what its frames were called on.

// The methods that hand something out.
const ENTRY = /(?:^|[ .#])(?:tryReserve|reserve|split|allocate|adopt|adoptReservation|resize)(?: \[as \w+\])? ?[(@]/;
// Frames of this library before one of those, at most.
const DEPTH_MAX = 9;
const FOLDER = /^.*?((?:[a-z]+:\/\/)?\/.*\/(?:dist\/(?:node|browser)|src)\/)/i;
const HOST = /\bnode:internal\b|<anonymous>\)?$|\[native code\]|^native\b/;

/**
 * The `frames` innermost frames of the program, one a line; empty where the host has no stack. `below` is a function of the library that is
 * running: what it calls is not collected, so that the host's limit of frames is the program's. About 10 µs.
 */
export function callSite(frames: number, below: (...args: never[]) => unknown): string {
  const error = new Error();
  Error.captureStackTrace?.(error, below);
  // A program may have its own form of stacks.
  return typeof error.stack === "string" ? siteOf(error.stack, frames) : "";
}

/** The same of a stack that began in this library, innermost first, as V8 or SpiderMonkey and JavaScriptCore write it. */
export function siteOf(stack: string, frames: number): string {
  const lines = stack.split("\n").map((line) => line.trim());
  const all = lines.filter((line) => line.startsWith("at ") || line.includes("@"));
  return (
    all
      .slice(ownFrames(all))
      .filter((line) => !HOST.test(line))
      .slice(0, frames)
      // A caller is the same before its first await and after it.
      .map((line) => line.replace(/^at (?:async )?/, ""))
      .join("\n")
  );
}

function ownFrames(all: readonly string[]): number {
  const entry = all.slice(0, DEPTH_MAX).findIndex((line) => ENTRY.test(line));
  if (entry >= 0) return entry + 1;
  const folder = FOLDER.exec(all[0] ?? "")?.[1];
  return folder === undefined
    ? 0
    : Math.max(
        0,
        all.findIndex((line) => !line.includes(folder)),
      );
}
