// The entry of the governor: re-exports only.

export { Governor } from "./governor.js";
export type { GovernorEvents, GovernorOptions, GovernorStats, Registration } from "./governor.js";
export type { Governed, GovernedFailure, GovernedOver, GovernedStats } from "./governed.js";
