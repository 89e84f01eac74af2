export interface Options {
  json: boolean;
  quick: boolean;
  seed: number;
  schedules: number | undefined;
  /** The decisions of the schedule to replay. */
  schedule: string[] | undefined;
  scenario: string | undefined;
  mutant: string | undefined;
}

/** What the arguments say; throws one line about what is wrong with them. */
export function readOptions(args: readonly string[]): Options;
