// What a member of a two-thread row can be told to do; the numbers are what the team's control words carry.
export const OWN = 0;
export const PRODUCE = 1;
export const CONSUME = 2;
export const BOTH = 3;
export const LEAVE = 4;

// Blocks travel through a ring of offsets, one writer and one reader, published in chunks so that the ring costs little. Time
// spent waiting for the other side says how the two are balanced, not what the heap costs: it is measured and given back.
const CAPACITY = 4096;
const CHUNK = 512;
export const HANDOVER_STEP = CAPACITY / 2;
const [TAIL, HEAD, IDLE, RECORDS] = [0, 32, 48, 64];
const SPINS = 2000;
const NAP_MS = 0.05;

export const makeRing = () => new Int32Array(new SharedArrayBuffer(4 * (RECORDS + CAPACITY)));

export function handoverJobs({ alloc, free, lastFailure }, ring, { sizes }, clock) {
  // Spins until the other side's index has come to `least`, then naps: the other side may need this very core. Nobody is woken, as
  // waking would be charged to the one who wakes.
  const early = (index, least) => ((Atomics.load(ring, index) - least) | 0) < 0;
  const waited = new Float64Array(1);
  const waitFor = (index, least) => {
    const start = clock.now();
    let spins = 0;
    while (early(index, least)) {
      spins = Math.min(spins + 1, SPINS);
      if (spins === SPINS) Atomics.wait(ring, IDLE, 0, NAP_MS);
    }
    waited[0] += clock.now() - start;
  };
  let sizeAt = 0;
  const produce = (operations) => {
    let tail = Atomics.load(ring, TAIL);
    for (let done = 0; done < operations; done += CHUNK) {
      const least = (tail - CAPACITY + CHUNK) | 0;
      if (early(HEAD, least)) waitFor(HEAD, least);
      for (let i = 0; i < CHUNK; i++) {
        const block = alloc(sizes[sizeAt]);
        if (block === 0) throw new Error(`the heap refused ${sizes[sizeAt]} bytes: ${lastFailure()}`);
        ring[RECORDS + ((tail + i) & (CAPACITY - 1))] = block;
        sizeAt = sizeAt + 1 === sizes.length ? 0 : sizeAt + 1;
      }
      tail = (tail + CHUNK) | 0;
      Atomics.store(ring, TAIL, tail);
    }
  };
  const consume = (operations) => {
    let head = Atomics.load(ring, HEAD);
    for (let done = 0; done < operations; done += CHUNK) {
      const least = (head + CHUNK) | 0;
      if (early(TAIL, least)) waitFor(TAIL, least);
      for (let i = 0; i < CHUNK; i++) {
        free(ring[RECORDS + ((head + i) & (CAPACITY - 1))]);
      }
      head = (head + CHUNK) | 0;
      Atomics.store(ring, HEAD, head);
    }
  };
  const both = (operations) => {
    for (let done = 0; done < operations; done += HANDOVER_STEP) {
      produce(HANDOVER_STEP);
      consume(HANDOVER_STEP);
    }
  };
  const withoutWaiting = (job) => (operations) => {
    waited[0] = 0;
    job(operations);
    return waited[0];
  };
  return { produce: withoutWaiting(produce), consume: withoutWaiting(consume), both };
}
