// A MessageChannel, whose messages are cloned or transferred, and taken out by `receiveMessageOnPort`. What arrives is the receiver's own, so
// there is no copy out; a record that is transferred is copied into the buffer that arrived last.
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

export function create({ bytes, transfers }) {
  const { port1, port2 } = new MessageChannel();
  // Nobody listens: they would keep the process alive.
  port1.unref();
  port2.unref();
  const close = () => port1.close();
  return { ...over(port1, port2, { bytes, transfers }), ports: [port1, port2], close };
}

export function over(out, into, { bytes, transfers }) {
  let spare = new Uint8Array(bytes);
  return {
    push(record) {
      if (!transfers) out.postMessage(record);
      else {
        const message = spare.byteLength === 0 ? new Uint8Array(bytes) : spare;
        message.set(record);
        out.postMessage(message, [message.buffer]);
      }
      return true;
    },
    // → the message, or undefined.
    receive() {
      const message = receiveMessageOnPort(into)?.message;
      if (transfers && message !== undefined) spare = message;
      return message;
    },
  };
}
