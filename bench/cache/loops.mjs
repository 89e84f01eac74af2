// The timed loops of the cache suite, in one thread. Each gives { run, wrong }. This module is evaluated once per subject (lib/separate.mjs). Keys have
// 19 characters; a fresh one is put together for the call, so its hash is not known, as of a key that came in with a request.

const PREFIX = "session:user:";
const FIRST = 100_000;
export const keyOf = (number) => PREFIX + (FIRST + number);

// Values carry their key's number in their first byte.
export const fill = (cache, value, entries) => {
  for (let i = 0; i < entries; i++) put(cache, value, i);
};

function put(cache, value, number) {
  value[0] = number & 0xff;
  cache.set(keyOf(number), value);
}

export function getFresh(cache, { order }) {
  return over(order, (number) => {
    const found = cache.get(keyOf(number));
    return found !== undefined && found[0] === (number & 0xff);
  });
}

export function getIntoFresh(cache, { order }) {
  return over(order, (number) => cache.getInto(keyOf(number)));
}

export function getHeld(cache, { order, keys }) {
  return over(order, (number) => cache.get(keys[number]) !== undefined);
}

export function pinHeld(cache, { order, keys }) {
  return over(order, (number) => cache.first(keys[number]) === (number & 0xff));
}

export function pinFresh(cache, { order }) {
  return over(order, (number) => cache.first(keyOf(number)) === (number & 0xff));
}

export function miss(cache, { order, entries }) {
  return over(order, (number) => !cache.getInto(keyOf(number + 4 * entries)));
}

// Every value is new, so one goes for each.
export function setEvict(cache, { value, entries }) {
  let next = entries;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) put(cache, value, next++);
    if (next > 700_000) next = entries;
  };
  return { run, wrong: () => 0 };
}

// Nine lookups to one value that is put in.
export function mixed(cache, { order, value }) {
  let turn = 0;
  return over(order, (number) => {
    if (++turn % 10 !== 0) return cache.getInto(keyOf(number)) || true;
    put(cache, value, number);
    return true;
  });
}

function over(order, step) {
  const mask = order.length - 1;
  let at = 0;
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      if (!step(order[at])) wrong++;
      at = (at + 1) & mask;
    }
  };
  return { run, wrong: () => wrong };
}
