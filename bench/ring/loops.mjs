// The timed loops of the ring suite, in one thread. Each gives { run, wrong }: `run(operations)` sends that many records and receives them,
// `wrong` says how many came out otherwise than they went in. This module is evaluated once per subject (lib/separate.mjs).

// In by a copy and out by a copy; the first word of each record is its number.
export function pushPop(queue, bytes) {
  const record = new Uint8Array(bytes);
  const target = new Uint8Array(bytes);
  const [number, arrived] = [new Int32Array(record.buffer), new Int32Array(target.buffer)];
  let next = 0;
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      number[0] = next;
      if (!queue.push(record) || queue.popInto(target) !== bytes || arrived[0] !== next) wrong++;
      next = (next + 1) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

export function postReceive(queue, bytes) {
  const record = new Uint8Array(bytes);
  const number = new Int32Array(record.buffer);
  let next = 0;
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      number[0] = next;
      queue.push(record);
      const message = queue.receive();
      // The first word, read as bytes: no view has to be made.
      if (message.length !== bytes || message[0] !== (next & 0xff) || message[1] !== ((next >> 8) & 0xff)) wrong++;
      next = (next + 1) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

// Written and read where it lies: one word. The leases are used again, as who counts nanoseconds does.
export function inPlace({ ring, i32 }, bytes) {
  let next = 0;
  let wrong = 0;
  let place;
  let record;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      place = ring.reserve(bytes, place);
      i32[place.offset >>> 2] = next;
      if (!place.commit()) wrong++;
      record = ring.take(record);
      if (record.size !== bytes || i32[record.offset >>> 2] !== next) wrong++;
      record.release();
      next = (next + 1) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

export function inPlaceAgrona(queue, bytes) {
  const { words, wordAt } = queue;
  let next = 0;
  let wrong = 0;
  const check = (offset, length) => {
    if (length !== bytes || words[wordAt(offset)] !== next) wrong++;
    return length;
  };
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      const offset = queue.tryClaim(bytes);
      words[wordAt(offset)] = next;
      queue.commit(offset);
      if (queue.read(check) !== bytes) wrong++;
      next = (next + 1) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

// The message that arrives is the next that is sent: one word, written and read.
export function inPlaceTransfer({ ports: [out, into] }, bytes, receive) {
  let words = new Int32Array(bytes >> 2);
  let next = 0;
  let wrong = 0;
  const run = (operations) => {
    for (let i = 0; i < operations; i++) {
      words[0] = next;
      out.postMessage(words, [words.buffer]);
      words = receive(into).message;
      if (words.byteLength !== bytes || words[0] !== next) wrong++;
      next = (next + 1) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

export const BATCH = 64;

// As many records as a batch has, in one call, and out in one call.
export function batch({ ring }, bytes) {
  const records = Array.from({ length: BATCH }, () => new Uint8Array(bytes));
  const numbers = records.map(({ buffer }) => new Int32Array(buffer));
  let next = 0;
  let wrong = 0;
  const run = (operations) => {
    for (let done = 0; done < operations; done += BATCH) {
      for (let i = 0; i < BATCH; i++) numbers[i][0] = next + i;
      if (ring.pushMany(records) !== BATCH) wrong++;
      const found = ring.drain(BATCH);
      if (found.length !== BATCH) wrong++;
      for (let i = 0; i < found.length; i++) {
        const record = found[i];
        if (record.length !== bytes || record[0] !== ((next + i) & 0xff) || record[1] !== (((next + i) >> 8) & 0xff))
          wrong++;
      }
      next = (next + BATCH) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

// The same for what takes its records one at a time.
export function batchSingly(queue, bytes) {
  const records = Array.from({ length: BATCH }, () => new Uint8Array(bytes));
  const numbers = records.map(({ buffer }) => new Int32Array(buffer));
  const target = new Uint8Array(bytes);
  const arrived = new Int32Array(target.buffer);
  let next = 0;
  let wrong = 0;
  const run = (operations) => {
    for (let done = 0; done < operations; done += BATCH) {
      for (let i = 0; i < BATCH; i++) numbers[i][0] = next + i;
      for (let i = 0; i < BATCH; i++) if (!queue.push(records[i])) wrong++;
      for (let i = 0; i < BATCH; i++) if (queue.popInto(target) !== bytes || arrived[0] !== ((next + i) | 0)) wrong++;
      next = (next + BATCH) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

// One message with all records of the batch.
export function batchMessage({ ports: [out, into] }, bytes, receive) {
  const records = Array.from({ length: BATCH }, () => new Uint8Array(bytes));
  const numbers = records.map(({ buffer }) => new Int32Array(buffer));
  let next = 0;
  let wrong = 0;
  const run = (operations) => {
    for (let done = 0; done < operations; done += BATCH) {
      for (let i = 0; i < BATCH; i++) numbers[i][0] = next + i;
      out.postMessage(records);
      const found = receive(into).message;
      for (let i = 0; i < BATCH; i++) {
        const record = found[i];
        if (record.length !== bytes || record[0] !== ((next + i) & 0xff) || record[1] !== (((next + i) >> 8) & 0xff))
          wrong++;
      }
      next = (next + BATCH) | 0;
    }
  };
  return { run, wrong: () => wrong };
}

// The floor under a batch: memory has no queue, so each record goes in and out before the next.
export function batchMemory(queue, bytes) {
  const { run, wrong } = pushPop(queue, bytes);
  return { run, wrong };
}
