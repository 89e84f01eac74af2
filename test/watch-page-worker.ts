// A thread of a page that attaches to a region, takes Blocks in it and ends as it is told; part of watch.browser.test.ts.
import { Region, type RegionHandle } from "../src/index.js";

interface Order {
  handle: RegionHandle;
  /** Attach without a Web Lock. */
  sync: boolean;
  blocks: number[];
}

addEventListener("message", async ({ data }: MessageEvent<Order>) => {
  const region = data.sync ? Region.attachSync(data.handle) : await Region.attach(data.handle);
  for (const bytes of data.blocks) region.allocate(bytes);
  addEventListener("message", ({ data }: MessageEvent<"close" | "end" | "close, stay">) => {
    if (data !== "end") region.close();
    if (data !== "close, stay") close();
    postMessage("told");
  });
  postMessage(region.ownerId);
});
