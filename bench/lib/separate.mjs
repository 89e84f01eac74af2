// Imports a module as a copy of its own. V8 keeps what it learned of a call site with the function's source: a loop shared by
// ten allocators would call a megamorphic site at twice the price, so every subject of every row gets its own copy of the code.
let copies = 0;

export const importSeparately = (url) => import(`${url}${url.search ? "&" : "?"}copy=${++copies}`);

// For modules that must be copied along with the copy that imports them.
export const sameCopy = (specifier, importer) =>
  import(new URL(specifier, importer).href.split("?")[0] + new URL(importer).search);
