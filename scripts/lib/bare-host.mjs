// Bare host: lets the bundles be loaded where there is no TextDecoder, an AudioWorklet: the loader makes one as it is loaded, for strings that
// the core has none of.
import { readFile } from "node:fs/promises";

const MADE = 'new TextDecoder("utf-16le", { fatal: true })';

/** For esbuild: the loader without a decoder where the host has none. Fails when the loader makes it in another way. */
export const bareHostPlugin = {
  name: "bare-host",
  setup(build) {
    build.onLoad({ filter: /@assemblyscript[\\/]loader[\\/]index\.js$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      if (!text.includes(MADE)) throw new Error(`${path} does not say ${MADE} any more`);
      return { contents: text.replace(MADE, `globalThis.TextDecoder && ${MADE}`), loader: "js" };
    });
  },
};
