// Loads that the test ends, for the tests of fetch.

export interface Held {
  readonly load: () => Promise<string>;
  readonly end: (value: string) => void;
  readonly fail: (error: Error) => void;
  readonly count: () => number;
}

/** A load that the test ends; the latest, if there were several. */
export function held(): Held {
  const ends: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  return {
    load: () => new Promise<string>((resolve, reject) => ends.push({ resolve, reject })),
    end: (value) => ends.at(-1)!.resolve(value),
    fail: (error) => ends.at(-1)!.reject(error),
    count: () => ends.length,
  };
}

/** Lets all that is due come in. */
export const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
