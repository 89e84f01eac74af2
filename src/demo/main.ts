// The main job: a service whose worker threads share one region of fixed size replays a real trace under that hard limit.
import { parseOptions, UsageError, usage } from "./options.js";
import type { Options } from "./options.js";
import { showProgress } from "./progress.js";
import { Replay } from "./replay.js";
import { isSound, textOf } from "./report.js";
import { readTrace, TraceError } from "./trace.js";

const EXIT_UNSOUND = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

/** The first signal ends the replay in order, with its report; the second at once. */
function stopOnSignal(replay: Replay): void {
  let signals = 0;
  const onSignal = (): void => {
    signals += 1;
    if (signals > 1) process.exit(EXIT_INTERRUPTED);
    replay.stop();
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}

function prepare(options: Options): { replay: Replay; traceLength: number } {
  const trace = readTrace(options.trace);
  try {
    return { replay: new Replay(trace, options), traceLength: trace.ids.length };
  } catch (error) {
    throw new UsageError(`--limit: ${(error as Error).message}`);
  }
}

async function run(options: Options): Promise<void> {
  const { replay, traceLength } = prepare(options);
  stopOnSignal(replay);
  const stopShowing = showProgress(replay, traceLength, options.json);
  const report = await replay.run().finally(stopShowing);
  console.log(options.json ? JSON.stringify(report) : textOf(report));
  process.exitCode = isSound(report) ? 0 : EXIT_UNSOUND;
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") console.log(usage);
  else await run(options);
} catch (error) {
  const isUsage = error instanceof UsageError || error instanceof TraceError;
  console.error(`start: ${(error as Error).message}`);
  process.exitCode = isUsage ? EXIT_USAGE : EXIT_UNSOUND;
}
