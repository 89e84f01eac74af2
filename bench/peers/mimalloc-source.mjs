// Fetches the source of mimalloc as Debian ships it, with apt's own client but away from the system's package lists: the
// temporary folder holds its own source list and index, so nothing outside it changes. A fixed digest says what may come.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";

const SUITE = "deb-src http://deb.debian.org/debian bookworm main";
const PACKAGE = "mimalloc=2.0.9+ds-2";
const ARCHIVE = "mimalloc_2.0.9+ds.orig.tar.xz";
const DIGEST = "cbc9d207ff105ad1f0cb739c378076143a6452b8d0624309cea0abfb040e972b";

// → the folder with mimalloc's `src` and `include`.
export function fetchMimalloc(folder) {
  const unpacked = path.join(folder, "unpacked");
  if (fs.existsSync(path.join(unpacked, "src", "static.c"))) return unpacked;
  prepare(folder);
  apt(folder, "update");
  apt(folder, "source", "--download-only", PACKAGE);
  verify(path.join(folder, ARCHIVE));
  fs.mkdirSync(unpacked, { recursive: true });
  execFileSync("tar", ["-xJf", path.join(folder, ARCHIVE), "-C", unpacked, "--strip-components=1"], {
    stdio: ["ignore", 2, 2],
  });
  for (const each of ["lists", "cache"]) fs.rmSync(path.join(folder, each), { recursive: true });
  return unpacked;
}

function prepare(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  for (const each of ["lists/partial", "cache/archives/partial"])
    fs.mkdirSync(path.join(folder, each), { recursive: true });
  fs.writeFileSync(path.join(folder, "sources.list"), `${SUITE.replace("deb-src", `deb-src${keyring()}`)}\n`);
}

// Where Debian's keys lie beside apt's own (on Ubuntu: package debian-archive-keyring). Without them the digest still guards.
function keyring() {
  const file = "/usr/share/keyrings/debian-archive-keyring.gpg";
  return fs.existsSync(file) ? ` [signed-by=${file}]` : " [trusted=yes]";
}

function apt(folder, ...command) {
  const settings = {
    "Dir::Etc::sourcelist": path.join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Dir::State::lists": path.join(folder, "lists"),
    "Dir::Cache": path.join(folder, "cache"),
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    // The unprivileged user that apt downloads as may not reach this folder.
    "APT::Sandbox::User": "",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  execFileSync("apt-get", ["-qq", ...options, ...command], { cwd: folder, stdio: ["ignore", 2, 2], timeout: 120_000 });
}

function verify(file) {
  const digest = createHash("sha256").update(fs.readFileSync(file)).digest("hex");
  if (digest !== DIGEST) throw new Error(`${path.basename(file)} has the digest ${digest}, expected ${DIGEST}`);
}
