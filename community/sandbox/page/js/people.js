// The left column: everybody there is. Choosing a user plays them; choosing a bot looks over its shoulder.

import { ask } from "./api.js";
import { avatar } from "./avatar.js";
import { newBot, newGroup, newUser } from "./creating.js";
import { el, throttled } from "./dom.js";
import { menu } from "./floating.js";
import { nameOf, number } from "./format.js";
import { icon } from "./icons.js";
import { meet, on, store } from "./store.js";
import { VirtualList } from "./virtual.js";
import { isDark, switchTheme } from "./theme.js";
import { switchLanguage, t } from "./words.js";

let bots = false;

export function peoplePane({ play, watch, openSwitches }) {
  const search = el("input", {
    type: "search",
    class: "search-input",
    placeholder: t("people.search"),
    "aria-label": t("people.search"),
    autocomplete: "off",
    spellcheck: "false",
  });
  const count = el("span", { class: "tab-count" });
  const list = new VirtualList({
    label: t("people.list"),
    rowHeight: 54,
    load: async (offset, limit) => {
      const { people, total } = await ask("view/people", { query: search.value, bots, offset, limit });
      people.forEach(meet);
      count.textContent = bots ? "" : number(total);
      return { items: people, total };
    },
    draw: personRow,
    choose: (person) => (person.is_bot ? watch(person.id) : play(person.id)),
    keyOf: (person) => person.id,
    empty: () => el("p", { class: "empty-list", text: search.value ? t("nothing_found") : t("people.none") }),
  });
  list.drivenBy(search);
  const tabs = peopleTabs(count, () => {
    list.top();
    list.refresh();
  });
  keepUpToDate(list);
  return el(
    "aside",
    { class: "pane people", id: "people", "aria-label": t("people.title") },
    el("header", { class: "people-head" }, brand(), createButton()),
    el("div", { class: "search" }, icon("search"), search, el("kbd", { text: "/", "aria-hidden": "true" })),
    tabs,
    list.node,
    peopleFoot(openSwitches),
  );
}

function brand() {
  return el(
    "div",
    { class: "brand" },
    el("img", { src: "/page/icon.svg", alt: "", width: 30, height: 30 }),
    el("div", {}, el("h1", { text: t("brand") }), el("span", { class: "link-state", role: "status" })),
  );
}

function createButton() {
  const button = el(
    "button",
    { class: "round", type: "button", title: t("create"), "aria-label": t("create"), "aria-haspopup": "menu" },
    icon("plus"),
  );
  button.addEventListener("click", () =>
    menu(button, [
      { text: t("create.user"), icon: "user", run: newUser },
      { text: t("create.group"), icon: "users", run: () => newGroup("supergroup") },
      { text: t("create.channel"), icon: "channel", run: () => newGroup("channel") },
      { text: t("create.bot"), icon: "bot", run: newBot },
    ]),
  );
  return button;
}

function peopleTabs(count, changed) {
  const tab = (isBots, text, extra) =>
    el(
      "button",
      { type: "button", role: "tab", class: "tab", "aria-selected": String(bots === isBots) },
      el("span", { text }),
      extra,
    );
  const tabs = [tab(false, t("people.users"), count), tab(true, t("people.bots"))];
  tabs.forEach((each, index) =>
    each.addEventListener("click", () => {
      bots = index === 1;
      tabs.forEach((other) => other.setAttribute("aria-selected", String(other === each)));
      changed();
    }),
  );
  return el("div", { class: "tabs", role: "tablist" }, tabs);
}

function personRow(person) {
  const name = nameOf(person);
  const about = person.deactivated ? t("people.gone") : person.username ? `@${person.username}` : String(person.id);
  return [
    avatar(person.id, name, { size: 38, symbol: person.is_bot ? "bot" : null, deleted: person.deactivated }),
    el(
      "span",
      { class: "row-text" },
      el("span", { class: "row-title", text: name }),
      el("span", { class: "row-sub", text: about }),
    ),
    person.is_bot
      ? el("span", { class: "badge-bot", text: t("bot") })
      : person.language_code
        ? el("span", { class: "row-lang", text: person.language_code })
        : null,
  ].filter(Boolean);
}

function peopleFoot(openSwitches) {
  const button = (name, text, run) =>
    el("button", { class: "foot-button", type: "button", title: text, "aria-label": text, onclick: run }, icon(name));
  const theme = button(isDark() ? "sun" : "moon", t("theme"), () => {
    switchTheme();
    theme.replaceChildren(icon(isDark() ? "sun" : "moon"));
  });
  const switches = el(
    "button",
    { class: "foot-switches", type: "button", onclick: openSwitches },
    icon("sliders"),
    el("span", { text: t("switches") }),
  );
  const words = el("button", {
    class: "foot-button foot-language",
    type: "button",
    title: t("language"),
    "aria-label": t("language"),
    onclick: switchLanguage,
    text: t("language.other"),
  });
  return el("footer", { class: "people-foot" }, switches, words, theme);
}

function keepUpToDate(list) {
  const refresh = throttled(() => list.refresh(), 400);
  on("people", (changed) => {
    changed.forEach(meet);
    refresh();
  });
  on("again", refresh);
  on("place", () => list.select(store.bot ?? store.user?.id ?? null));
  on("connection", (connected) => {
    document.body.classList.toggle("offline", !connected);
    for (const mark of document.querySelectorAll(".link-state"))
      mark.textContent = connected ? t("live") : t("reconnecting");
  });
  list.refresh();
}
