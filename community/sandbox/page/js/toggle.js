// A switch that is on or off.

import { el } from "./dom.js";

/** A switch with words; `run` hears whether it is on now. */
export function toggle(words, on, run, about = null) {
  const button = el(
    "button",
    { type: "button", class: "switch", role: "switch", "aria-checked": String(on), onclick: () => run(!on) },
    el(
      "span",
      { class: "row-text" },
      el("span", { text: words }),
      about ? el("span", { class: "row-sub", text: about }) : null,
    ),
    el("i", { "aria-hidden": "true" }),
  );
  return button;
}
