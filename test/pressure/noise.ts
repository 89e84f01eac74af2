// Noise: the traces that a gauge must not flap on. A value wanders slowly around a threshold, within two and a half points of it, and
// every sample is off by up to two points; or, harder than what is promised, by a normal deviate of two points.
import { type Random, random } from "../lib/random.js";

export const SAMPLES = 3600;

const POINT = 0.01;
const WANDER_POINTS = 2.5;
const STEP_POINTS = 0.3;
const NOISE_POINTS = 2;

export type Noise = (by: Random) => number;

const unit = (by: Random): number => by.next() / 2 ** 32;

/** Anything from −1 to 1 equally often. */
export const uniform: Noise = (by) => unit(by) * 2 - 1;

/** A normal deviate (Box and Muller). */
export const normal: Noise = (by) => Math.sqrt(-2 * Math.log(1 - unit(by))) * Math.cos(2 * Math.PI * unit(by));

/** Pressures near `threshold`, a sample each. */
export function noisyTrace(seed: number, threshold: number, noise: Noise = uniform): number[] {
  const by = random(seed);
  let wander = 0;
  return Array.from({ length: SAMPLES }, () => {
    const next = wander + uniform(by) * STEP_POINTS;
    wander = Math.min(WANDER_POINTS, Math.max(-WANDER_POINTS, next));
    return Math.max(0, threshold + (wander + noise(by) * NOISE_POINTS) * POINT);
  });
}
