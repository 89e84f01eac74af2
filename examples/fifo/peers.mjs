// How the workers share one region fairly. When an object does not fit, the oldest object of all goes, whoever holds it: the
// thread that needs room asks its holder and sleeps until the answer. A thread that waits, for whatever reason, answers the
// demands of others meanwhile, so no circle of waiting threads can stand still. A thread that got nowhere several times
// asks for quiet: the others start nothing new until it is served, so a large object cannot starve behind small ones.

/** So many vain rounds for one object, then quiet. */
const PATIENCE = 16;

/** Of two objects this close in age (requests), the own one goes: asking another costs two changes of thread. */
const AGE_SLACK = 256;

export class Peers {
  #control;
  #me;
  #others;
  #cache;
  #seenBell = 0;
  /** Vain rounds for the request in hand, and whether everybody was seen quiet and empty in it. */
  #rounds = 0;
  #isDrained = false;

  constructor(control, me, cache) {
    this.#control = control;
    this.#me = me;
    this.#others = Array.from({ length: control.workers }, (_, peer) => peer).filter((peer) => peer !== me);
    this.#cache = cache;
  }

  /** Before every request: answers demands and keeps quiet if asked to. */
  attend() {
    if (this.#control.bell(this.#me) === this.#seenBell) return;
    this.#waitUntil(() => !this.#control.isQuietForAnother(this.#me));
  }

  /** After every request. */
  settle() {
    this.publish();
    if (this.#rounds === 0) return;
    this.#rounds = 0;
    this.#isDrained = false;
    if (this.#control.isQuietFor(this.#me)) this.#control.endQuiet();
  }

  /** Tells the others how old the oldest object here is. */
  publish() {
    this.#control.setOldest(this.#me, this.#cache.oldest);
  }

  /** The eviction hook: makes room for so many bytes and answers how many were given back, 0 when nobody holds any. */
  relieve(bytes) {
    if (++this.#rounds > PATIENCE) this.#becomeQuiet();
    const released = this.#release(bytes);
    if (released > 0) {
      this.#waitUntil(() => !this.#control.isQuietForAnother(this.#me));
      return released;
    }
    return this.#releaseFromAll(bytes);
  }

  /** Waits until all workers are here. The last one runs `onAll`, which says whether the replay is over. */
  meet(onAll) {
    const { meeting } = this.#control;
    if (this.#control.arrive()) this.#control.dismiss(onAll());
    else this.#waitUntil(() => this.#control.meeting !== meeting);
  }

  waitForGate(gate) {
    this.#waitUntil(() => this.#control.isOpen(gate));
  }

  #release(bytes) {
    const holder = this.#holderOfOldest();
    if (holder === undefined) return 0;
    return holder === this.#me ? this.#evict(bytes) : this.#ask(holder, bytes);
  }

  /**
   * When the hints name no holder: only with everybody quiet is that an answer, and only after one more try, for until then
   * others may have made room unasked.
   */
  #releaseFromAll(bytes) {
    this.#becomeQuiet();
    const released = this.#others.reduce((sum, peer) => sum + this.#ask(peer, bytes), this.#evict(bytes));
    if (released > 0 || this.#isDrained) return released;
    this.#isDrained = true;
    return 1;
  }

  #holderOfOldest() {
    this.publish();
    let holder = this.#me;
    let oldest = this.#control.oldestOf(this.#me);
    if (oldest === undefined) holder = undefined;
    else oldest = (oldest - AGE_SLACK) | 0;
    for (const peer of this.#others) {
      const age = this.#control.oldestOf(peer);
      if (age === undefined || (oldest !== undefined && ((age - oldest) | 0) >= 0)) continue;
      [holder, oldest] = [peer, age];
    }
    return holder;
  }

  #evict(bytes) {
    const released = this.#cache.evict(bytes);
    this.publish();
    return released;
  }

  #ask(peer, bytes) {
    this.#control.demand(this.#me, peer, Math.min(bytes, 0xffff_ffff));
    this.#waitUntil(() => this.#control.demandOf(this.#me, peer) === 0);
    return this.#control.answerOf(this.#me, peer);
  }

  #answerDemands() {
    for (const peer of this.#others) {
      const bytes = this.#control.demandOf(peer, this.#me);
      if (bytes > 0) this.#control.answer(peer, this.#me, this.#evict(bytes));
    }
  }

  #becomeQuiet() {
    if (!this.#control.isQuietFor(this.#me)) this.#waitUntil(() => this.#control.takeQuiet(this.#me));
  }

  /** Sleeps from bell to bell until `isDone`, answering demands at each. */
  #waitUntil(isDone) {
    for (;;) {
      this.#seenBell = this.#control.bell(this.#me);
      this.#answerDemands();
      if (isDone()) return;
      this.#control.waitForBell(this.#me, this.#seenBell);
    }
  }
}
