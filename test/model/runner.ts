// Runs commands against a region and the model side by side and throws at the first difference. Several attachments to the region,
// all in this thread, act as its owners. Every block is filled over its whole usable size with a pattern of its own, which is
// verified when the block is freed, moved or resized, and for all live blocks at the end.
import { type Block, MemoryLimitExceededError, Region } from "../../src/index.js";
import { random } from "../lib/random.js";
import { type Live, Model } from "./model.js";

export const COMMANDS = [
  "alloc",
  "allocUnsafe",
  "aligned",
  "free",
  "doubleFree",
  "realloc",
  "allocate",
  "release",
  "resize",
  "handOver",
  "forged",
  "freeAll",
  "reattach",
  "check",
] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Command {
  name: CommandName;
  /** Which owner does it. */
  owner: number;
  /** Which of the live blocks, where the command needs one. */
  which: number;
  bytes: number;
}

export interface Setting {
  size: number;
  owners: number;
}

const GRAIN = 1024;
const RECENT = 64;

/** Noise that patterns are cut from; one for all runs of this process. */
let noise = Buffer.alloc(0);
let zeros = Buffer.alloc(0);

function noiseOf(bytes: number): Buffer {
  if (noise.length < bytes * 2) {
    noise = Buffer.alloc(bytes * 2);
    zeros = Buffer.alloc(bytes);
    const words = new Uint32Array(noise.buffer, noise.byteOffset, noise.length >>> 2);
    const by = random(1);
    for (let i = 0; i < words.length; i++) words[i] = by.next();
  }
  return noise;
}

export class Runner {
  readonly region: Region;
  readonly owners: Region[];
  readonly model: Model;
  readonly #noise: Buffer;
  readonly #recent: number[] = [];
  readonly #stale: Block[] = [];
  readonly #whole: number;
  #phase = 0;
  /** How many allocations were refused. */
  refused = 0;

  constructor({ size, owners }: Setting) {
    this.region = Region.createSync({ size, maxOwners: 4, busyMs: 0 });
    this.owners = [this.region];
    while (this.owners.length < owners) this.owners.push(Region.attachSync(this.region.handle()));
    this.#whole = this.region.stats().largestFreeBytes;
    this.model = new Model(this.region.overheadBytes, this.region.capacityBytes);
    this.#noise = noiseOf(size);
  }

  run(command: Command): void {
    this[command.name](command);
    const { usedBytes, region } = { usedBytes: this.model.usedBytes, region: this.region };
    if (region.usedBytes !== usedBytes)
      throw new Error(`usedBytes is ${region.usedBytes}, live blocks have ${usedBytes}`);
    if (region.usedBytes + region.freeBytes + region.overheadBytes !== region.capacityBytes)
      throw new Error("the sum is wrong");
    if (region.freeBytes < 0) throw new Error(`freeBytes is ${region.freeBytes}`);
    if (region.committedBytes < usedBytes) throw new Error(`committed ${region.committedBytes} < used ${usedBytes}`);
    if (region.peakBytes < region.committedBytes) throw new Error("the peak is below what is committed");
  }

  /** Verifies every live block, gives all of them back, and asks for all there was in one block. */
  finish(): void {
    this.check();
    for (const live of this.model.all()) this.#verify(live, live.usable);
    this.freeAll({ name: "freeAll", owner: 0, which: 0, bytes: 0 });
    this.check();
    const all = this.region.heap.allocUnsafe(this.#whole);
    if (all === 0)
      throw new Error(
        `everything is free, but ${this.#whole} bytes do not fit: ${JSON.stringify(this.region.stats())}`,
      );
    this.region.heap.free(all);
    this.check();
    for (const owner of this.owners.splice(1)) owner.close();
    this.region.close();
  }

  alloc({ owner, bytes }: Command): void {
    this.#took(this.#by(owner).heap.alloc(bytes), bytes, owner, true);
  }

  allocUnsafe({ owner, bytes }: Command): void {
    this.#took(this.#by(owner).heap.allocUnsafe(bytes), bytes, owner, false);
  }

  aligned({ owner, which, bytes }: Command): void {
    const align = 2 ** (which % 21);
    const heap = this.#by(owner).heap;
    const offset = which & 32 ? heap.alloc(bytes, { align }) : heap.allocUnsafe(bytes, { align });
    if (offset % align !== 0) throw new Error(`${offset} is not aligned to ${align}`);
    this.#took(offset, bytes, owner, (which & 32) !== 0, align);
  }

  free({ owner, which }: Command): void {
    const live = this.model.pick(which);
    if (!live) return;
    if (live.block) {
      if (this.#by(owner).heap.free(live.offset))
        throw new Error(`the Block at ${live.offset} was freed as a raw block`);
      return;
    }
    this.#verify(live, live.usable);
    if (!this.#by(owner).heap.free(live.offset)) throw new Error(`the live block at ${live.offset} was not freed`);
    this.#forget(live);
  }

  doubleFree({ owner, which }: Command): void {
    const offset = this.#recent[which % RECENT];
    if (offset === undefined || this.model.has(offset)) return;
    const { heap } = this.#by(owner);
    if (heap.isLive(offset)) throw new Error(`nothing lives at ${offset}, says the model`);
    if (heap.free(offset)) throw new Error(`${offset} was freed twice`);
    const stale = this.#stale[which % RECENT];
    if (stale && (stale.isLive || stale.release())) throw new Error("a released Block was released again");
  }

  realloc({ owner, which, bytes }: Command): void {
    const live = this.model.pick(which);
    if (!live || live.block) return;
    const { heap } = this.#by(owner);
    const offset = heap.realloc(live.offset, bytes);
    if (offset === 0) {
      this.refused++;
      if (bytes <= live.usable) throw new Error(`the block of ${live.usable} bytes could not be made ${bytes} long`);
      if (heap.usableSize(live.offset) !== live.usable) throw new Error("a failed realloc changed the block");
      this.#verify(live, live.usable);
      return;
    }
    const usable = heap.usableSize(offset);
    if (usable < bytes) throw new Error(`realloc granted ${usable} of ${bytes} bytes`);
    this.#forget(live);
    const moved = { ...live, offset, usable };
    this.model.add(moved);
    this.#verify(moved, Math.min(live.usable, bytes));
    this.#expectZero(offset + live.usable, usable - live.usable);
    this.#fill(moved);
  }

  allocate({ owner, which, bytes }: Command): void {
    const by = this.#by(owner);
    const block = this.#attempt(() =>
      which % 8 === 0 ? by.allocate(bytes, { align: 2 ** (which % 17) }) : by.allocate(bytes),
    );
    if (!block) return;
    const { offset } = block;
    const usable = by.heap.usableSize(offset);
    if (usable < bytes || block.size !== bytes) throw new Error(`the Block has ${usable} of ${bytes} bytes`);
    const live: Live = { offset, usable, phase: this.#nextPhase(), block, handle: block.handle() };
    this.model.add(live);
    this.#expectZero(offset, bytes);
    this.#fill(live);
  }

  release({ which }: Command): void {
    const live = this.model.pick(which);
    if (!live?.block) return;
    this.#verify(live, live.usable);
    const { block } = live;
    if (!block.release()) throw new Error(`the live Block at ${live.offset} was not released`);
    if (block.isLive || block.release()) throw new Error("a released Block lives");
    this.#stale[which % RECENT] = block;
    this.#forget(live);
  }

  resize({ which, bytes }: Command): void {
    const live = this.model.pick(which);
    if (!live?.block) return;
    const { block } = live;
    const before = block.size;
    const done = this.#attempt(() => (block.resize(bytes), block));
    if (!done) {
      if (block.size !== before || block.offset !== live.offset) throw new Error("a failed resize changed the Block");
      this.#verify(live, live.usable);
      return;
    }
    const { offset } = block;
    this.#forget(live);
    const moved = { ...live, offset, usable: this.region.heap.usableSize(offset), handle: block.handle() };
    this.model.add(moved);
    this.#verify(moved, Math.min(before, bytes));
    if (bytes > before) this.#expectZero(offset + before, bytes - before);
    this.#fill(moved);
  }

  /** Another owner opens a Block and goes on with it. */
  handOver({ owner, which }: Command): void {
    const live = this.model.pick(which);
    if (!live?.block) return;
    const block = this.#by(owner).open(live.block.handle());
    if (!block.isLive || block.offset !== live.offset)
      throw new Error("an opened Block is not the one its handle names");
    live.block = block;
  }

  forged({ owner, which, bytes }: Command): void {
    const { heap } = this.#by(owner);
    const near = this.model.pick(which);
    const capacity = this.region.capacityBytes;
    const offset = near && which & 1 ? near.offset + 1 + (bytes % near.usable) : (which * 8) % (capacity * 2);
    if (this.model.has(offset)) return;
    if (heap.isLive(offset) || heap.usableSize(offset) !== 0)
      throw new Error(`nothing begins at ${offset}, says the model`);
    if (heap.free(offset)) throw new Error(`${offset} was freed, nothing begins there`);
  }

  freeAll({ owner }: Command): void {
    for (const live of [...this.model.all()]) {
      this.#verify(live, live.usable);
      const done = live.block ? live.block.release() : this.#by(owner).heap.free(live.offset);
      if (!done) throw new Error(`the live block at ${live.offset} was not given back`);
      this.#forget(live);
    }
  }

  /** An owner leaves, its Blocks with it, and comes back. */
  reattach({ owner }: Command): void {
    const index = owner % this.owners.length;
    if (index === 0) return;
    const leaving = this.owners[index]!;
    for (const live of [...this.model.all()]) {
      if (!live.handle || (live.handle.claim[0] & 0xff) !== (leaving.ownerId & 0xff)) continue;
      this.#verify(live, live.usable);
      this.#forget(live);
    }
    leaving.close();
    this.owners[index] = Region.attachSync(this.region.handle());
    // A Block of another owner that was only opened by the one that left lives on.
    for (const live of this.model.all()) {
      if (!live.handle || live.block?.isLive) continue;
      live.block = this.region.open(live.handle);
      if (!live.block.isLive) throw new Error(`the Block at ${live.offset} went with an owner that did not hold it`);
    }
  }

  check(): void {
    const report = this.region.check();
    if (!report.ok) throw new Error(report.problems.join("; "));
    if (report.usedBytes !== this.model.usedBytes) throw new Error(`check finds ${report.usedBytes} bytes in use`);
    if (report.overheadBytes !== this.region.overheadBytes)
      throw new Error(`check finds ${report.overheadBytes} bytes of overhead`);
    const { blocks } = this.region.stats();
    if (blocks !== this.model.count) throw new Error(`check finds ${blocks} blocks, the model has ${this.model.count}`);
  }

  #by(owner: number): Region {
    return this.owners[owner % this.owners.length]!;
  }

  #attempt<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof MemoryLimitExceededError)) throw error;
      this.refused++;
      return undefined;
    }
  }

  #took(offset: number, bytes: number, owner: number, zeroed: boolean, align = 1): void {
    const { heap } = this.#by(owner);
    if (offset === 0) {
      this.refused++;
      if (heap.lastFailure === "ERR_BUSY") throw new Error("busy, and nobody else is there");
      if (bytes <= GRAIN && align <= GRAIN && this.refused % 64 === 0) this.#expectFull();
      return;
    }
    const usable = heap.usableSize(offset);
    if (usable < bytes) throw new Error(`${usable} of ${bytes} bytes were granted`);
    const live: Live = { offset, usable, phase: this.#nextPhase() };
    this.model.add(live);
    if (zeroed) this.#expectZero(offset, usable);
    this.#fill(live);
  }

  /** One grain is enough for a block of up to 1 KiB, so a refusal means that there is none. */
  #expectFull(): void {
    const { largestFreeBytes } = this.region.stats();
    if (largestFreeBytes !== 0) throw new Error(`refused, though ${largestFreeBytes} bytes are free in one run`);
  }

  #nextPhase(): number {
    return (this.#phase = (this.#phase + 12_345_677) % this.region.capacityBytes);
  }

  #fill({ offset, usable, phase }: Live): void {
    this.region.heap.u8.set(this.#noise.subarray(phase, phase + usable), offset);
  }

  #verify({ offset, phase }: Live, bytes: number): void {
    const found = this.region.heap.u8.subarray(offset, offset + bytes);
    if (Buffer.compare(found, this.#noise.subarray(phase, phase + bytes)) !== 0) {
      const at = found.findIndex((byte, i) => byte !== this.#noise[phase + i]);
      throw new Error(`the block at ${offset} was changed at its byte ${at}`);
    }
  }

  #expectZero(offset: number, bytes: number): void {
    if (bytes <= 0) return;
    if (Buffer.compare(this.region.heap.u8.subarray(offset, offset + bytes), zeros.subarray(0, bytes)) !== 0) {
      throw new Error(`${bytes} bytes at ${offset} are not zero`);
    }
  }

  #forget(live: Live): void {
    this.model.remove(live);
    this.#recent[(this.#phase >>> 4) % RECENT] = live.offset;
  }
}
