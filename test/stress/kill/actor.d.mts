import type { Region } from "../../../src/index.js";

/** What a thread does most: of everything something; big runs; Blocks; small blocks; walks; try to take what does not fit; only
 *  take Blocks. */
export type Kind = "mixed" | "runs" | "blocks" | "small" | "walks" | "full" | "hoard";

export interface Part {
  /** The exchange table that all share. */
  table: SharedArrayBuffer;
  seed: number;
  kind: Kind;
  /** Whether the thread may be killed: what it hands over may go before it is adopted. */
  mayDie: boolean;
}

export interface Holdings {
  raw: number[];
  blocks: number[];
}

export interface ActorCounts {
  steps: number;
  refused: number;
  busy: number;
  stale: number;
  given: number;
  adopted: number;
}

export interface Actor {
  readonly counts: ActorCounts;
  step(): void;
  drain(): void;
  holdings(): Holdings;
}

export function createActor(region: Region, part: Part): Actor;
