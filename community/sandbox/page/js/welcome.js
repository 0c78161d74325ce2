// What stands in the middle while no chat is open; at the very start, what to do first.

import { ask } from "./api.js";
import { newGroup, newUser } from "./creating.js";
import { el, fill } from "./dom.js";
import { icon } from "./icons.js";
import { copy } from "./keyboard.js";
import { store } from "./store.js";
import { t } from "./words.js";

export async function welcome(node) {
  fill(node, el("span", { text: t(store.user ? "choose.chat" : "choose.user") }));
  if (store.user) return;
  const { total } = await ask("view/people", { bots: false, limit: 1 });
  const { people: bots } = await ask("view/people", { bots: true, limit: 1 });
  if (total || store.user || !bots.length) return;
  const { token } = await ask("view/records", { bot: bots[0].id, limit: 1 });
  fill(node, card(`${location.origin}/bot`, token));
}

function card(base, token) {
  return el(
    "div",
    { class: "welcome" },
    el("img", { src: "/page/icon.svg", alt: "", width: 64, height: 64 }),
    el("h2", { text: t("welcome") }),
    el("p", { text: t("welcome.what") }),
    el(
      "ol",
      {},
      el("li", {}, el("b", { text: t("welcome.bot") }), fact(t("welcome.base"), base), fact(t("token"), token)),
      el(
        "li",
        {},
        el("b", { text: t("welcome.people") }),
        el(
          "div",
          { class: "chips" },
          button("user", "create.user", newUser),
          button("users", "create.group", () => newGroup("supergroup")),
        ),
      ),
      el("li", {}, el("b", { text: t("welcome.play") })),
    ),
  );
}

const button = (symbol, words, run) =>
  el("button", { type: "button", class: "button primary", onclick: run }, icon(symbol), el("span", { text: t(words) }));

const fact = (label, value) =>
  el(
    "button",
    { type: "button", class: "welcome-fact", title: t("copy.text"), onclick: () => copy(value) },
    el("span", { text: label }),
    el("code", { text: value }),
    icon("copy"),
  );
