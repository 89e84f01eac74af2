// The straight lines of a ring (a record of bytes that nobody has to be told of; what a thread keeps in hand, taken and given back without the core).
// Goal: they do what the long way does, and a lease is given back by who has it and by nobody else. Method: the same random commands on a ring that
// can go straight and on one that has a listener for what is dropped; exact states of several who use one ring in one thread.
import { describe, expect, it } from "vitest";
import { type ReadLease, Region, type Ring, StaleLeaseError, type WriteLease } from "../../src/index.js";
import { expectSound, MIB } from "../lib/regions.js";
import { random } from "../lib/random.js";
import { expectCounted } from "./scene.js";

const COMMANDS = 3000;
const LENGTHS = [0, 1, 15, 16, 17, 100, 1024, 1025, 2040, 3000, 9000];

/** What one command of the test answered, and what of the ring is to be seen after it. */
type Answer = readonly unknown[];

/** One ring with its leases, to be told the same as another. */
class Side {
  readonly region: Region = Region.createSync({ size: 4 * MIB });
  readonly ring: Ring;
  readonly #written: WriteLease[] = [];
  readonly #read: ReadLease[] = [];
  // What was given back, to be used again by one in two.
  #oldWrite: WriteLease | undefined;
  #oldRead: ReadLease | undefined;

  constructor(overflow: "block" | "drop-oldest" | "resize", isLong: boolean) {
    this.ring = this.region.ring("ring", { capacity: 8, maxBytes: 40_000, overflow });
    if (isLong) this.ring.onDropped(() => {});
  }

  do(command: number, length: number, place: number): Answer {
    const { ring } = this;
    const answer = this.#answer(command, length, place);
    const { waitedMs: _, ...counts } = ring.metrics();
    return [answer, ring.size, ring.bytes, this.#written.length, this.#read.length, counts];
  }

  #answer(command: number, length: number, place: number): unknown {
    const { ring } = this;
    if (command < 3) return ring.push(new Uint8Array(length).fill(command + place));
    if (command < 5) {
      const target = new Uint8Array(9000);
      return [ring.popInto(target), target[0], target[8999]];
    }
    if (command === 5) return this.#reserve(length, place);
    if (command === 6) {
      const lease = this.#written.splice(place % (this.#written.length || 1), 1)[0];
      this.#oldWrite ??= lease;
      return length % 5 === 0 ? lease?.abort() : lease?.commit(Math.min(lease.size, length));
    }
    if (command === 7) return this.#take(place);
    const lease = this.#read.splice(place % (this.#read.length || 1), 1)[0];
    this.#oldRead ??= lease;
    return [lease?.size, lease?.sequence, lease?.bytes[0], lease?.isRedelivered, lease?.release(), lease?.release()];
  }

  #reserve(length: number, place: number): unknown {
    const old = place % 2 === 0 ? this.#oldWrite : undefined;
    const lease = this.ring.reserve(length, old);
    if (lease === old) this.#oldWrite = undefined;
    lease?.bytes.fill(place);
    if (lease !== undefined) this.#written.push(lease);
    return lease?.size;
  }

  #take(place: number): unknown {
    const old = place % 2 === 0 ? this.#oldRead : undefined;
    const lease = this.ring.take(old);
    if (lease === old) this.#oldRead = undefined;
    if (lease !== undefined) this.#read.push(lease);
    return lease?.sequence;
  }

  finish(): void {
    expectCounted(this.ring);
    this.ring.leave();
    expect(this.region.check().problems).toEqual([]);
    for (const lease of this.#written) expect(() => lease.commit()).toThrow(StaleLeaseError);
    for (const lease of this.#read) expect([lease.release(), lease.offset, lease.bytes.length]).toEqual([false, 0, 0]);
  }
}

describe("a straight line", () => {
  for (const overflow of ["block", "drop-oldest", "resize"] as const) {
    it(`with ${overflow} answers what the long way answers, and counts the same`, () => {
      const { below, pick } = random(0x57a1);
      const sides = [new Side(overflow, false), new Side(overflow, true)] as const;
      for (let i = 0; i < COMMANDS; i++) {
        const [command, length, place] = [below(9), pick(LENGTHS), below(100)];
        const [straight, long] = sides.map((side) => side.do(command, length, place));
        expect(straight, `command ${i}: ${command} ${length}`).toEqual(long);
      }
      for (const side of sides) side.finish();
    });
  }

  it("refuses what has no bytes any more, with nothing in hand", () => {
    const region = Region.createSync({ size: MIB });
    const ring = region.ring("ring");
    const gone = new Uint8Array(16);
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(() => ring.push(gone)).toThrow(TypeError);
    expect([ring.push(new Uint8Array(2)), ring.pop()?.length]).toEqual([true, 2]);
    ring.close();
    expectSound(region, 0);
  });

  it("takes no length that is none", () => {
    const ring = Region.createSync({ size: MIB }).ring("ring");
    ring.push(new Uint8Array(100));
    ring.pop();
    for (const length of [1.5, -1, NaN, Infinity]) expect(() => ring.reserve(length)).toThrow(RangeError);
    for (const length of ["8", null, undefined]) expect(() => ring.reserve(length as never)).toThrow(TypeError);
  });
});

describe("several who use one ring in one thread", () => {
  it("give back their own leases when they leave, and not another's", () => {
    const region = Region.createSync({ size: MIB });
    const [one, two, three] = [region.ring("ring"), region.ring("ring"), region.ring("ring")] as const;
    for (let i = 0; i < 6; i++) one.push(Uint8Array.of(i));
    const leases = [one, two, three].map((ring) => [ring.take()!, ring.reserve(4)!] as const);
    two.leave();
    const states = (): boolean[] => leases.map(([read]) => read.offset !== 0);
    expect(states()).toEqual([true, false, true]);
    one.leave();
    expect(states()).toEqual([false, false, true]);
    expect(() => leases[0]![1].commit()).toThrow(StaleLeaseError);
    const [read, written] = leases[2]!;
    expect([read.bytes[0], written.commit(1), read.release()]).toEqual([2, true, true]);
    expect(Array.from({ length: 4 }, () => three.take()?.release())).toEqual([true, true, true, true]);
    three.close();
    expectSound(region, 0);
  });

  it("see the end once each has given back what it has in hand", () => {
    const region = Region.createSync({ size: MIB });
    const [one, two] = [region.ring("ring"), region.ring("ring")] as const;
    one.push(new Uint8Array(1));
    two.push(new Uint8Array(1));
    const [a, b] = [one.take()!, two.take()!];
    one.close();
    two.close();
    expect([one.isLeft, two.isLeft]).toEqual([false, false]);
    b.release();
    expect([one.isLeft, two.isLeft]).toEqual([false, true]);
    a.release();
    expect(one.isLeft).toBe(true);
    expectSound(region, 0);
  });
});
