// What lies above the page: menus, dialogs, short notices.

import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { t } from "./words.js";

const notices = el("div", { class: "notices", role: "status", "aria-live": "polite" });
document.body.append(notices);

/** A notice that goes by itself; `kind` "error" is told at once. */
export function notice(text, kind = "") {
  const node = el(
    "div",
    { class: `notice ${kind}`, role: kind === "error" ? "alert" : null },
    kind === "error" ? icon("alert") : null,
    el("span", { text }),
  );
  notices.append(node);
  while (notices.childElementCount > 3) notices.firstChild.remove();
  setTimeout(
    () => {
      node.classList.add("leaving");
      setTimeout(() => node.remove(), 200);
    },
    2600 + text.length * 45,
  );
}

/** Run what may be refused; a refusal is shown in words. True when it went well. */
export async function attempt(work) {
  try {
    return (await work()) ?? true;
  } catch (error) {
    notice(wordsOf(error), "error");
    return false;
  }
}

function wordsOf(error) {
  if (error instanceof TypeError) return t("error.unreachable");
  const known = t.known(`refused.${error.message.split(":")[0]}`);
  return known ?? error.message;
}

let menuOpen = null;

/** A menu at a point or under an element; items: {text, icon, danger, run} or null for a line. `head` goes on top. */
export function menu(at, items, head = null) {
  closeMenu();
  const back = document.activeElement;
  const buttons = items.map(
    (item) =>
      item &&
      el(
        "button",
        {
          class: `menu-item ${item.danger ? "danger" : ""}`,
          role: "menuitem",
          type: "button",
          tabindex: -1,
          onclick: () => {
            closeMenu();
            item.run();
          },
        },
        item.icon ? icon(item.icon) : null,
        el("span", { text: item.text }),
      ),
  );
  const node = el(
    "div",
    { class: "menu", role: "menu" },
    head,
    buttons.map((each) => each ?? el("hr")),
  );
  const veil = el("div", {
    class: "veil",
    onclick: closeMenu,
    oncontextmenu: (event) => {
      event.preventDefault();
      closeMenu();
    },
  });
  document.body.append(veil, node);
  place(node, at);
  menuOpen = { node, veil, back };
  node.addEventListener("keydown", menuKeys);
  node.querySelector("button")?.focus();
}

function place(node, at) {
  const box = at instanceof Element ? at.getBoundingClientRect() : { left: at.x, right: at.x, top: at.y, bottom: at.y };
  const { offsetWidth: width, offsetHeight: height } = node;
  let left = box.left + width > innerWidth - 8 ? box.right - width : box.left;
  left = Math.max(8, Math.min(left, innerWidth - width - 8));
  let top = box.bottom + 4;
  if (top + height > innerHeight - 8) top = Math.max(8, box.top - height - 4);
  node.style.left = `${left}px`;
  node.style.top = `${top}px`;
}

function menuKeys(event) {
  const items = [...event.currentTarget.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement);
  if (event.key === "ArrowDown") items[(at + 1) % items.length].focus();
  else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") closeMenu();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

export function closeMenu() {
  if (!menuOpen) return;
  const { node, veil, back } = menuOpen;
  menuOpen = null;
  node.remove();
  veil.remove();
  back?.focus?.({ preventScroll: true });
}

/**
 * A dialog in the middle. `fields` are nodes; `actions`: {text, primary, danger, run}; `run` gives false to stay open.
 * Gives a function that closes it.
 */
export function dialog({ title, fields = [], actions = [], wide = false }) {
  const node = el("dialog", { class: `dialog ${wide ? "wide" : ""}`, "aria-label": title });
  const close = () => {
    node.close();
    node.remove();
  };
  const form = el("form", { method: "dialog", onsubmit: (event) => event.preventDefault() });
  const buttons = actions.map((action) =>
    el("button", {
      type: action.primary ? "submit" : "button", // Enter in a field presses it
      class: `button ${action.primary ? "primary" : ""} ${action.danger ? "danger" : ""}`,
      text: action.text,
      onclick: async () => {
        if ((await action.run?.()) !== false) close();
      },
    }),
  );
  const head = el(
    "div",
    { class: "dialog-head" },
    el("h2", { text: title }),
    el(
      "button",
      {
        type: "button",
        class: "round",
        "aria-label": t("close"),
        onclick: close,
      },
      icon("close"),
    ),
  );
  fill(
    form,
    head,
    el("div", { class: "dialog-body" }, fields.filter(Boolean)),
    buttons.length ? el("div", { class: "dialog-actions" }, buttons) : null,
  );
  node.append(form);
  node.addEventListener("click", (event) => {
    if (event.target === node) close();
  });
  node.addEventListener("close", () => node.remove());
  document.body.append(node);
  node.showModal();
  (node.querySelector("input, textarea, select") ?? node.querySelector(".primary"))?.focus();
  return close;
}

/** A labelled field for a dialog. */
export function field(label, control, hint = null) {
  return el(
    "label",
    { class: "field" },
    el("span", { class: "field-label", text: label }),
    control,
    hint ? el("small", { text: hint }) : null,
  );
}

export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    dialog({
      title,
      fields: [el("p", { text })],
      actions: [
        { text: t("cancel"), run: () => resolve(false) },
        { text: action, danger: true, primary: true, run: () => resolve(true) },
      ],
    });
  });
}
