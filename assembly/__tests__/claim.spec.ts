// Claims: no two are equal, whoever makes them, and each says whose it is.

import { get32, get64, put64 } from "../memory";
import { nextClaim, recordIn } from "../claim";
import { leave, slot } from "../owners";
import { geometry } from "../sizeclass";
import {
  CLAIM_LIVE,
  CLAIM_SEQUENCE_SHIFT,
  CLAIM_STATE_SHIFT,
  C_BLOCKS,
  C_BYTES,
  C_GRAINS,
  GRAIN_SHIFT,
  KIND_BLOCK,
  S_CLAIM,
  S_SEQUENCE,
} from "../shared/layout";
import { CLASS_COUNT } from "../shared/limits";
import { become, fresh, is, same, text } from "./lib";

describe("nextClaim", () => {
  it("names the state, a new sequence number and the owner, and leaves the claim in S_CLAIM", () => {
    fresh(4, 2);
    become(2);
    for (let sequence: u64 = 1; sequence <= 1000; sequence++) {
      const claim = nextClaim();
      same(claim, ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | (sequence << CLAIM_SEQUENCE_SHIFT) | 2, "claim", sequence);
      same(get64(slot + S_CLAIM), claim, "S_CLAIM", sequence);
    }
  });

  it("never repeats a claim of an earlier holder of the slot", () => {
    fresh(4, 1);
    const first = nextClaim();
    leave();
    become(1);
    is(nextClaim() > first, true, "later", 0);
    same(get64(slot + S_SEQUENCE), 2, "sequence", 0);
  });

  it("keeps state and owner when the sequence passes 44 bits", () => {
    fresh(4, 1);
    put64(slot + S_SEQUENCE, ((<u64>1) << 44) - 1);
    same(nextClaim(), ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | 1, "claim", 0);
    same(nextClaim(), ((<u64>CLAIM_LIVE) << CLAIM_STATE_SHIFT) | 0x101, "next claim", 0);
  });
});

describe("recordIn", () => {
  it("gives each block of each class a record of its own between the last block and the end of the slab", () => {
    fresh(4, 1);
    for (let c: u32 = 1; c <= <u32>CLASS_COUNT; c++) {
      const shape = geometry((c << 2) | KIND_BLOCK);
      let before = ((<usize>50) << GRAIN_SHIFT) + get32(shape + C_BYTES);
      for (let i: u32 = 0; i < get32(shape + C_BLOCKS); i++) {
        const at = recordIn(50, shape, i);
        is(at >= before && (at & 7) == 0, true, "record of class " + text(c) + ", block", i);
        before = at + 8;
      }
      is(
        before <= (<usize>(50 + get32(shape + C_GRAINS))) << GRAIN_SHIFT,
        true,
        "the last record ends in the slab, class",
        c,
      );
    }
  });
});
