// The floor of every heap row: the two calls that no allocator in wasm can save, with nothing behind them.
const BLOCK: i32 = 65536;

export function alloc(_bytes: i32): i32 {
  return BLOCK;
}

export function free(_block: i32): i32 {
  return 1;
}
