// The chats of the person played, the newest on top.

import { ask } from "./api.js";
import { avatar } from "./avatar.js";
import { newGroup } from "./creating.js";
import { el, fill, throttled } from "./dom.js";
import { menu } from "./floating.js";
import { listTime, nameOf, number } from "./format.js";
import { icon } from "./icons.js";
import { joinDialog } from "./joining.js";
import { profileOf } from "./profile.js";
import { emit, meet, on, store } from "./store.js";
import { summary } from "./summary.js";
import { VirtualList } from "./virtual.js";
import { t } from "./words.js";

export function chatsPane({ open }) {
  const search = el("input", {
    type: "search",
    class: "search-input",
    placeholder: t("search"),
    "aria-label": t("chats.search"),
    autocomplete: "off",
    spellcheck: "false",
  });
  const list = new VirtualList({
    label: t("chats.list"),
    rowHeight: 72,
    load: async (offset, limit) => {
      if (!store.user) return { items: [], total: 0 };
      const { chats, total } = await ask("view/chats", { user: store.user.id, query: search.value, offset, limit });
      chats.forEach(remember);
      titled();
      return { items: chats, total };
    },
    draw: chatRow,
    choose: (row) => open(row.key),
    keyOf: (row) => row.key,
    order: (row) => row.date,
    empty: () => el("p", { class: "empty-list", text: store.user ? t("nothing_found") : "" }),
  });
  const refresh = () => {
    list.top();
    list.refresh();
  };
  list.drivenBy(search);
  const me = el("button", { class: "me", type: "button", "aria-haspopup": "menu" });
  me.addEventListener("click", () => meMenu(me));
  keepUpToDate(list, search, me);
  return el(
    "nav",
    { class: "pane chats", id: "chats", "aria-label": t("chats.title") },
    el("header", { class: "chats-head" }, me),
    el("div", { class: "search" }, icon("search"), search),
    list.node,
  );
}

function remember(row) {
  if (row.peer) meet(row.peer);
  if (row.last?.from) meet(row.last.from);
  store.chats.set(row.key, row);
}

/** The window's title says how much is unread in the chats known so far. */
function titled() {
  const unread = store.user && !store.bot ? [...store.chats.values()].reduce((sum, row) => sum + row.unread, 0) : 0;
  document.title = `${unread ? `(${number(unread)}) ` : ""}${t("title")}`;
}

function drawMe(me) {
  me.closest(".chats")?.classList.toggle("nobody", !store.user);
  if (!store.user) return fill(me);
  const name = nameOf(store.user);
  me.setAttribute("aria-label", t("me.menu", { name }));
  return fill(
    me,
    el(
      "span",
      {
        class: "round only-narrow",
        "aria-hidden": "true",
        onclick: (event) => {
          event.stopPropagation();
          emit("pane", "people");
        },
      },
      icon("menu"),
    ),
    avatar(store.user.id, name, { size: 40, deleted: store.user.deactivated }),
    el(
      "span",
      { class: "row-text" },
      el("span", { class: "row-title", text: name }),
      el("span", { class: "row-sub", text: t("me.playing") }),
    ),
    icon("down"),
  );
}

function meMenu(me) {
  menu(me, [
    { text: t("people.switch"), icon: "users", run: () => emit("pane", "people") },
    { text: t("join.title"), icon: "link", run: () => joinDialog() },
    { text: t("create.group"), icon: "users", run: () => newGroup("supergroup") },
    { text: t("create.channel"), icon: "channel", run: () => newGroup("channel") },
    { text: t("profile.mine"), icon: "user", run: () => profileOf(store.user) },
    { text: t("window.new"), icon: "external", run: () => window.open(location.href, "_blank", "noopener") },
  ]);
}

const SYMBOLS = { channel: "channel" };

function chatRow(row) {
  const body = el(
    "span",
    { class: "row-text" },
    el(
      "span",
      { class: "row-line" },
      kindMark(row),
      el("span", { class: "row-title", text: row.title }),
      statusMark(row),
      el("time", { class: "row-time", text: listTime(row.date) }),
    ),
    el("span", { class: "row-line" }, el("span", { class: "row-sub" }, ...preview(row)), badge(row)),
  );
  return [
    avatar(row.key, row.title, {
      size: 54,
      symbol: row.kind === "private" && row.peer?.is_bot && !row.title ? "bot" : null,
    }),
    body,
  ];
}

function kindMark(row) {
  if (row.kind === "private") return row.peer?.is_bot ? icon("bot", "kind") : null;
  return icon(SYMBOLS[row.kind] ?? (row.forum ? "topic" : "users"), "kind");
}

function statusMark(row) {
  return row.last?.out && !row.last.service ? icon("checks", "sent") : null;
}

function preview(row) {
  if (row.blocked) return [el("span", { class: "warn", text: t("chats.blocked") })];
  if (row.refused && row.refused.before > (row.last?.message_id ?? 0))
    return [
      icon("alert", "inline"),
      el("span", { class: "warn", text: `${t("undelivered")}: ${t(`undelivered.${row.refused.reason}`)}` }),
    ];
  if (!row.last)
    return [el("span", { class: "accent", text: row.opened === false ? t("chats.not_started") : t("chats.empty") })];
  const who =
    row.kind === "private" || row.last.service
      ? null
      : row.last.out
        ? t("you")
        : nameOf(row.last.sender_chat ?? row.last.from);
  const author = who && row.kind !== "channel" ? el("span", { class: "row-author", text: `${who}: ` }) : null;
  return [author, el("span", { text: summary(row.last) })].filter(Boolean);
}

function badge(row) {
  if (!row.unread || row.key === store.chat) return null;
  const text = row.unread >= 1000 ? "999+" : number(row.unread);
  return el("span", { class: "badge", "aria-label": t("unread", { count: row.unread }), text });
}

function keepUpToDate(list, search, me) {
  const refresh = throttled(() => list.refresh(), 500);
  on("again", refresh);
  on("user", () => {
    search.value = "";
    store.chats.clear();
    drawMe(me);
    list.top();
    list.refresh();
  });
  on("people", (people) => {
    if (people.some((each) => each.id === store.user?.id)) {
      store.user = { ...store.user, ...people.find((each) => each.id === store.user.id) };
      drawMe(me);
    }
  });
  on("rows", (rows) => {
    for (const row of rows) {
      remember(row);
      if (search.value) {
        refresh();
        continue;
      }
      if (row.inside === false) list.drop(row.key);
      else list.put(row);
    }
    list.paint();
    titled();
  });
  on("read", (key) => {
    const row = store.chats.get(key);
    if (row) {
      row.unread = 0;
      list.drawn.delete(key);
      list.paint();
      titled();
    }
  });
  on("place", () => {
    list.select(store.chat);
    titled();
  });
  on("step", (step) => list.step(step));
  on("chats.refresh", refresh);
  drawMe(me);
}
