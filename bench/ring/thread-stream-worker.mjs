// The worker's end of thread-stream: a stream that counts lines, and those that are not the next one.
import { Writable } from "node:stream";

const [COUNT, WRONG] = [0, 1];

export default function open({ counts, bytes }) {
  let rest = "";
  let next = 0;
  return new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      rest += text;
      let at = 0;
      for (; at + bytes <= rest.length; at += bytes)
        if (Number.parseInt(rest.slice(at, at + 12), 10) !== next++) Atomics.add(counts, WRONG, 1);
      rest = rest.slice(at);
      Atomics.store(counts, COUNT, next);
      Atomics.notify(counts, COUNT);
      done();
    },
  });
}
