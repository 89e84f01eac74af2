// The library's own budgets, through its public entry point, as a program calls them.
import { sameCopy } from "../lib/separate.mjs";

const { Region } = await sameCopy("../../dist/node/index.js", import.meta.url);

const REGION_BYTES = 2 ** 20;

export const create = () => over(Region.createSync({ size: REGION_BYTES }));

// A worker's side: the same region, reached through its handle.
export const attach = async (handle) => over(await Region.attach(handle));

function over(region) {
  let count = 0;
  return {
    region,
    shared: region.handle(),
    budget(limit, parent) {
      const name = `b${++count}`;
      return parent === undefined ? region.budget(name, { limit }) : parent.child(name, { limit });
    },
    at: (path) => path.split("/").reduce((parent, name) => region.budget(name, parent && { parent }), undefined),
    close: () => region.close(),
  };
}
