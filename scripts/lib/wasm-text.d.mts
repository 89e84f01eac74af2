/** The module that stands for a `.wasm` import: its default export is the file's bytes. */
export function wasmAsModule(path: string): string;
