// The types of budgets-actor.mjs.
import type { Budget, Region, Reservation } from "../../src/index.js";

export type Kind = "mixed" | "reserving" | "waiting" | "moving" | "closing" | "naming";

export interface Tree {
  root: Budget;
  safe: Budget;
  tight: Budget;
  deep: Budget;
  scratch: Budget;
}

export interface Actor {
  readonly counts: Record<string, number>;
  readonly tree: Tree | undefined;
  readonly held: Reservation[];
  readonly waiting: Set<AbortController>;
  step(): void;
  cancelAll(): void;
  releaseAll(): void;
}

export function openTree(region: Region): Tree;
export function longName(number: number): string;
export function createActor(region: Region, options: { seed: number; kind: Kind }): Actor;
