// Runs a child process and waits for it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { ROOT } from "./paths.mjs";

/** What an inner npm must inherit from an outer one: where packages come from, and nothing about what to do. */
const NPM_INHERITED = /^npm_config_(registry|cache|userconfig|globalconfig|cafile|ca|strict_ssl|.*proxy)$/i;

/**
 * Runs a command to its end. `quiet` collects what it prints into `output` (and standard output alone into `stdout`);
 * otherwise it prints to our standard error, so that standard output stays free for results.
 */
export function run(command, args, { cwd = ROOT, env = process.env, quiet = false, echo = false } = {}) {
  return new Promise((resolve, reject) => {
    const piped = quiet || echo;
    const child = spawn(command, args, { cwd, env, stdio: piped ? ["ignore", "pipe", "pipe"] : ["ignore", 2, 2] });
    const result = { code: 1, stdout: "", output: "" };
    child.stdout?.setEncoding("utf8").on("data", (chunk) => {
      result.stdout += chunk;
      result.output += chunk;
      if (echo) process.stdout.write(chunk);
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk) => {
      result.output += chunk;
      if (echo) process.stderr.write(chunk);
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...result, code: code ?? 1 }));
  });
}

/** The same for a script of this very Node. */
export const runNode = (args, options) => run(process.execPath, args, options);

/** The same for npm: the one that started us, if one did. */
export function runNpm(args, options = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || NPM_INHERITED.test(name));
  const env = Object.fromEntries(inherited);
  const cli = process.env.npm_execpath;
  if (cli?.endsWith("npm-cli.js") && existsSync(cli)) return runNode([cli, ...args], { ...options, env });
  return run(process.platform === "win32" ? "npm.cmd" : "npm", args, { ...options, env });
}
