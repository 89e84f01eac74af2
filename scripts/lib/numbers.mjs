// Numbers as a command line gives them.

/** The whole number that `name` was given as text; says what is wrong when it is none, or out of bounds. */
export function wholeNumber(name, text, least, most) {
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new Error(`${name} takes a whole number from ${least} to ${most}, not "${text}"`);
}
