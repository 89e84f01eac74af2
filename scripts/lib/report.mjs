// What a test step answers: how many tests passed, failed and were skipped.

export const passed = () => ({ passed: 1, failed: 0, skipped: 0 });

/** A failure, with what the tool said about it. */
export const failed = (why) => ({ passed: 0, failed: 1, skipped: 0, why: why.trim() });

export const skipped = (why) => ({ passed: 0, failed: 0, skipped: 1, why });

/** One test out of one tool: it passes when the tool exits with 0. */
export const verdict = ({ code, output }) => (code === 0 ? passed() : failed(output || `exit status ${code}`));
