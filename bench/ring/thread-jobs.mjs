// What a member of a two-worker row can be told to do; the numbers are what the team's control words carry. A producer sends so many records, a
// consumer receives as many and looks at each one's number. Who finds no place, or nothing, looks again some microseconds later: looking costs
// the other side its cache lines, and left alone it works on many records at once. All subjects are waited for alike.
export const PRODUCE = 0;
export const CONSUME = 1;
export const LEAVE = 2;

const PAUSE = 4096;
// Then it lets go of its core: the other may need this very one.
const LOOKS = 200;
const NAP_MS = 0.05;

const nap = new Int32Array(new SharedArrayBuffer(4));
let paused = 0;

function wait(looks) {
  if (looks > LOOKS) Atomics.wait(nap, 0, 0, NAP_MS);
  else for (let i = 0; i < PAUSE; i++) paused = (paused + i) | 0;
}

function copying(queue, bytes) {
  const record = new Uint8Array(bytes);
  const target = new Uint8Array(bytes);
  const [number, arrived] = [new Int32Array(record.buffer), new Int32Array(target.buffer)];
  let sent = 0;
  let received = 0;
  const produce = (operations) => {
    for (let i = 0; i < operations; i++) {
      number[0] = sent;
      for (let looks = 0; !queue.push(record); looks++) wait(looks);
      sent = (sent + 1) | 0;
    }
  };
  const consume = (operations) => {
    for (let i = 0; i < operations; i++) {
      let length = queue.popInto(target);
      for (let looks = 0; length < 0; looks++) {
        wait(looks);
        length = queue.popInto(target);
      }
      if (length !== bytes || arrived[0] !== received) throw new Error(`record ${arrived[0]} instead of ${received}`);
      received = (received + 1) | 0;
    }
  };
  return { produce, consume };
}

// The floor: each side's copy, of memory that is its own.
function memory(queue, bytes) {
  const record = new Uint8Array(bytes);
  const target = new Uint8Array(bytes);
  const number = new Int32Array(record.buffer);
  let sent = 0;
  const produce = (operations) => {
    for (let i = 0; i < operations; i++) {
      number[0] = sent;
      queue.push(record);
      sent = (sent + 1) | 0;
    }
  };
  const consume = (operations) => {
    for (let i = 0; i < operations; i++) if (queue.popInto(target) !== bytes) throw new Error("it copied nothing");
  };
  return { produce, consume };
}

// The leases are used again, as who counts nanoseconds does.
function inPlace({ ring, i32 }, bytes) {
  let place;
  let spare;
  let sent = 0;
  let received = 0;
  const produce = (operations) => {
    for (let i = 0; i < operations; i++) {
      for (let looks = 0; !tryProduce(); looks++) wait(looks);
      sent = (sent + 1) | 0;
    }
  };
  const tryProduce = () => {
    place = ring.reserve(bytes, place);
    i32[place.offset >>> 2] = sent;
    return place.commit();
  };
  const consume = (operations) => {
    for (let i = 0; i < operations; i++) {
      let record = ring.take(spare);
      for (let looks = 0; record === undefined; looks++) {
        wait(looks);
        record = ring.take(spare);
      }
      spare = record;
      if (record.size !== bytes || i32[record.offset >>> 2] !== received)
        throw new Error(`record ${i32[record.offset >>> 2]} instead of ${received}`);
      record.release();
      received = (received + 1) | 0;
    }
  };
  return { produce, consume };
}

// Messages of a port, taken by `receive` as soon as there is one.
function polled(queue, bytes) {
  const record = new Uint8Array(bytes);
  const number = new Int32Array(record.buffer);
  let sent = 0;
  let received = 0;
  const produce = (operations) => {
    for (let i = 0; i < operations; i++) {
      number[0] = sent;
      queue.push(record);
      sent = (sent + 1) | 0;
    }
  };
  const consume = (operations) => {
    for (let i = 0; i < operations; i++) {
      let message = queue.receive();
      for (let looks = 0; message === undefined; looks++) {
        wait(looks);
        message = queue.receive();
      }
      requireNext(message, bytes, received);
      received = (received + 1) | 0;
    }
  };
  return { produce, consume };
}

// The messages of a port as events, which is what a worker's `postMessage` and `on("message")` are.
function events(port, bytes) {
  const record = new Uint8Array(bytes);
  const number = new Int32Array(record.buffer);
  let sent = 0;
  let received = 0;
  const produce = (operations) => {
    for (let i = 0; i < operations; i++) {
      number[0] = sent;
      port.postMessage(record);
      sent = (sent + 1) | 0;
    }
  };
  const consume = (operations) =>
    new Promise((resolve, reject) => {
      let left = operations;
      const listener = (message) => {
        try {
          requireNext(message, bytes, received);
        } catch (error) {
          reject(error);
        }
        received = (received + 1) | 0;
        if (--left > 0) return;
        port.off("message", listener);
        resolve();
      };
      port.on("message", listener);
    });
  return { produce, consume };
}

// The first word, read as bytes: no view has to be made.
function requireNext(message, bytes, number) {
  if (message.length === bytes && message[0] === (number & 0xff) && message[1] === ((number >> 8) & 0xff)) return;
  throw new Error(`a message of ${message.length} bytes that begins with ${message[0]} instead of ${number & 0xff}`);
}

export const LOOPS = { copying, memory, inPlace, polled, events };
