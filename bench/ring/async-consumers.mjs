// How records are received by the event loop. Each gives a function of a number of records that resolves when that many have come and were the
// next ones. This module is evaluated once per subject (lib/separate.mjs).

// Looks at the number that a record begins with, as bytes: no view has to be made.
function counter() {
  let next = 0;
  return (record) => {
    if (record[0] !== (next & 0xff) || record[1] !== ((next >> 8) & 0xff))
      throw new Error(`record ${record[0]} instead of ${next & 0xff}`);
    next = (next + 1) | 0;
  };
}

export function batches(ring) {
  const check = counter();
  const iterator = ring.batches();
  return async (operations) => {
    for (let left = operations; left > 0;) {
      const { value } = await iterator.next();
      for (let i = 0; i < value.length; i++) check(value[i]);
      left -= value.length;
    }
  };
}

export function iterate(ring) {
  const check = counter();
  return async (operations) => {
    let left = operations;
    for await (const record of ring) {
      check(record);
      if (--left === 0) return;
    }
  };
}

export function receive(ring) {
  const check = counter();
  return async (operations) => {
    for (let i = 0; i < operations; i++) check(await ring.receive());
  };
}

export function webStream(ring) {
  const check = counter();
  const reader = ring.readable.getReader();
  return async (operations) => {
    for (let i = 0; i < operations; i++) check((await reader.read()).value);
  };
}

export function nodeStream(ring, { Readable }) {
  const check = counter();
  const stream = Readable.from(ring);
  return (operations) =>
    new Promise((resolve, reject) => {
      let left = operations;
      const listener = (record) => {
        try {
          check(record);
        } catch (error) {
          reject(error);
        }
        if (--left > 0) return;
        stream.off("data", listener);
        stream.pause();
        resolve();
      };
      stream.on("data", listener);
      stream.resume();
    });
}

// A worker's messages, or a port's.
export function messages(source) {
  const check = counter();
  return (operations) =>
    new Promise((resolve, reject) => {
      let left = operations;
      const listener = (message) => {
        try {
          check(message);
        } catch (error) {
          reject(error);
        }
        if (--left > 0) return;
        source.off("message", listener);
        resolve();
      };
      source.on("message", listener);
    });
}
