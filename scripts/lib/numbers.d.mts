/** The whole number that `name` was given as text; throws when it is none, or out of bounds. */
export function wholeNumber(name: string, text: string, least: number, most: number): number;
