// Two places for the tests: Node, and a cross-origin isolated page in Chromium. Files named *.browser.test.ts run in the
// page only, *.both.test.ts in both, all others in Node only. Worker threads in tests load the built `dist`.
import { existsSync } from "node:fs";
import { playwright } from "@vitest/browser-playwright";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { wasmAsModule } from "./scripts/lib/wasm-text.mjs";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

const CHROMIUM_ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What a page needs before it may share memory between threads. */
const ISOLATION_HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

/** A `.wasm` import is the module's bytes, as in the bundles. */
const wasmBinary = (): Plugin => ({
  name: "wasm-binary",
  enforce: "pre",
  load(id) {
    if (!id.endsWith(".wasm")) return;
    return wasmAsModule(id);
  },
});

const node = {
  plugins: [wasmBinary()],
  test: {
    name: "node",
    environment: "node",
    include: ["test/**/*.test.ts"],
    exclude: ["test/**/*.browser.test.ts"],
    pool: "threads" as const,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
};

const chromium = {
  plugins: [wasmBinary()],
  server: { headers: ISOLATION_HEADERS },
  test: {
    name: "chromium",
    include: ["test/**/*.browser.test.ts", "test/**/*.both.test.ts"],
    testTimeout: 60_000,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: playwright({ launchOptions: { executablePath: CHROMIUM, args: CHROMIUM_ARGS } }),
      instances: [{ browser: "chromium" as const }],
    },
  },
};

/** Without a browser, a plain `vitest run` is the Node tests; in CI the browser must be there. */
const hasChromium = existsSync(CHROMIUM) || Boolean(process.env.CI);

export default defineConfig({
  test: {
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts", "bindings/**/*.ts"],
      exclude: ["**/*.d.ts"],
      reporter: ["text"],
    },
    projects: hasChromium ? [node, chromium] : [node],
  },
});
