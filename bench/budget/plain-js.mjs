// A budget tree of one thread: objects and additions.
class Reservation {
  constructor(budget, bytes, tag) {
    this.budget = budget;
    this.bytes = bytes;
    this.tag = tag;
  }

  release() {
    if (this.budget === null) return false;
    for (let at = this.budget; at !== null; at = at.parent) at.usedBytes -= this.bytes;
    this.budget = null;
    return true;
  }
}

class Budget {
  constructor(limit, parent = null) {
    this.limit = limit;
    this.parent = parent;
    this.usedBytes = 0;
  }

  tryReserve(bytes, tag) {
    if (!(bytes >= 0 && bytes <= Number.MAX_SAFE_INTEGER && Math.floor(bytes) === bytes)) throw wrongSize(bytes);
    for (let at = this; at !== null; at = at.parent) if (at.usedBytes + bytes > at.limit) return null;
    for (let at = this; at !== null; at = at.parent) at.usedBytes += bytes;
    return new Reservation(this, bytes, tag);
  }

  check(bytes) {
    for (let at = this; at !== null; at = at.parent)
      if (at.usedBytes + bytes > at.limit) return new RangeError(`no room for ${bytes} bytes`);
    return null;
  }
}

export const create = () => ({ budget: (limit, parent) => new Budget(limit, parent) });

const wrongSize = (bytes) => new RangeError(`bytes must be a whole number from 0 on, got ${bytes}`);
