// Round pictures from initials, in Telegram's seven colours.

import { el } from "./dom.js";
import { colourOf, initials } from "./format.js";
import { icon } from "./icons.js";

export function avatar(id, name, { size = 54, symbol = null, deleted = false } = {}) {
  const mark = el("span", { class: `avatar colour-${colourOf(id)}`, "aria-hidden": "true" });
  mark.style.setProperty("--size", `${size}px`);
  if (deleted) mark.classList.add("gone");
  if (symbol || deleted) mark.append(icon(symbol ?? "user"));
  else mark.textContent = initials(name);
  return mark;
}
