// The right column: one thing at a time, closed again by Esc or its cross.

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./words.js";

const title = el("h2", {});
const body = el("div", { class: "side-body" });
const close = el(
  "button",
  { type: "button", class: "round", "aria-label": t("close"), onclick: closeSide },
  icon("close"),
);
export const sideNode = el(
  "aside",
  { class: "pane side", hidden: true, "aria-label": t("details") },
  el("header", { class: "side-head" }, close, title),
  body,
);

let shown = null;
let back = null;

/** Show `nodes` under a title; the same `name` again replaces them where they are. */
export function openSide(name, heading, ...nodes) {
  if (shown !== name) {
    back = document.activeElement;
    body.scrollTop = 0;
  }
  const fresh = shown === null;
  shown = name;
  title.textContent = heading;
  sideNode.setAttribute("aria-label", heading);
  fill(body, nodes);
  sideNode.hidden = false;
  document.body.classList.add("with-side");
  if (fresh) close.focus({ preventScroll: true });
}

export function closeSide() {
  if (shown === null) return false;
  shown = null;
  sideNode.hidden = true;
  document.body.classList.remove("with-side");
  back?.focus?.({ preventScroll: true });
  return true;
}

export const sideShows = (name) => shown === name;

export const section = (heading, ...nodes) =>
  el("section", { class: "section" }, heading ? el("h3", { text: heading }) : null, ...nodes);
