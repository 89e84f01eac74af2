// Hunt: dies wherever a schedule has been and nobody has died yet, so that which places are hit depends neither on luck nor on time.
// For each place that is passed for the first time the decisions are kept that led there; the hunt follows them and dies there.

import { DIE } from "./thread.mjs";
import { Script } from "./strategies.mjs";

/** Follows decisions and dies where a site is passed first. */
class Hunter extends Script {
  constructor(site, decisions) {
    super(decisions);
    this.decisions = [...decisions];
    this.site = site;
    this.isDone = false;
  }

  at(machine, thread, site, ...rest) {
    if (site !== this.site || this.isDone || !thread.isMortal) return super.at(machine, thread, site, ...rest);
    this.isDone = true;
    this.decisions.push(`${thread.index}@${thread.steps}!`);
    return DIE;
  }
}

/** Places of this scenario that were passed and where nobody died. */
const missing = ({ executed, died }) => [...executed.keys()].filter((site) => executed[site] && !died[site]);

/**
 * Dies at each place where nobody has died in this scenario. A death leads to new places (what is settled for the dead), so this is done until
 * none is left. Where nobody died in any scenario before, it is done even if the time is up.
 */
export function hunt(exploration) {
  const { machine } = exploration;
  const tried = new Set();
  for (let left = missing(machine); left.length > 0; left = missing(machine).filter((site) => !tried.has(site))) {
    for (const site of left) {
      tried.add(site);
      if (exploration.isStopped) return;
      if (machine.died[site] || (exploration.isOver && machine.everDied[site])) continue;
      exploration.once(new Hunter(site, exploration.wayTo(site)), { deaths: true }, true);
    }
  }
}
