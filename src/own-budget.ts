// Own budget: what a ring or a cache that is given a budget opens below it for itself alone, so that what it holds is told from all else there, and
// goes with it. Owns nothing.

import { LIMIT, type Node } from "../bindings/budgets.js";
import { type Budget, openRefusal } from "./budget.js";
import { askingHooks, settleLimits, textNumber } from "./limits.js";
import type { ReservationSource } from "./reservation.js";

/** @internal A budget that is this part's alone. The name may still be that of one that has ended and was not emptied. */
export function ownNode(source: ReservationSource, parent: Budget, above: Node, kind: string, name: string): Node {
  for (let count = 1; ; count++) {
    const text = count === 1 ? `${kind}:${name}` : `${kind}:${name}#${count}`;
    const number = textNumber(source, "a budget's name", text);
    const limits = settleLimits({}, source.budgets.number(above.at, LIMIT));
    const opened = askingHooks(source, () => source.budgets.open(above, number, limits));
    if (opened === undefined) throw openRefusal(source, parent, text, 0);
    if (!opened.wasOpen) return opened.node;
  }
}
