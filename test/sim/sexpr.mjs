// S-expressions: WebAssembly text to nested arrays of strings and back. A node is an array whose first element is its head; atoms
// and quoted strings stay as they are written.

const TOKEN = /\s+|;;[^\n]*|\(;[\s\S]*?;\)|("(?:[^"\\]|\\.)*"|[()]|[^\s()";]+)/gy;

/** The single expression that the text holds. */
export function parse(text) {
  const stack = [];
  let node = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const match = TOKEN.exec(text);
    if (!match) throw new Error("the text is no S-expression");
    const token = match[1];
    if (token === undefined) continue;
    if (token === "(") {
      stack.push(node);
      node = [];
    } else if (token === ")") {
      const parent = stack.pop();
      parent.push(node);
      node = parent;
    } else node.push(token);
  }
  return node[0];
}

function write(node, parts) {
  if (typeof node === "string") {
    parts.push(node);
    return;
  }
  parts.push("(");
  for (let i = 0; i < node.length; i++) {
    if (i > 0) parts.push(" ");
    write(node[i], parts);
  }
  parts.push(")\n");
}

export function print(node) {
  const parts = [];
  write(node, parts);
  return parts.join("");
}

export const isNode = (node, head) => Array.isArray(node) && (head === undefined || node[0] === head);

/** The operands of an instruction: what follows its immediates. */
export const operandsOf = (node) =>
  node.filter((part, i) => i > 0 && Array.isArray(part) && !DECLARATIONS.has(part[0]));

const DECLARATIONS = new Set(["type", "param", "result", "local"]);

/** Where the body of a function or a loop begins: after names, types, parameters and locals. */
export function bodyStart(node) {
  let at = 1;
  while (at < node.length && (typeof node[at] === "string" || DECLARATIONS.has(node[at][0]))) at++;
  return at;
}
