// Who is in a group: a list of any length, searched; promoting, removing, adding.

import { act, ask } from "./api.js";
import { avatar } from "./avatar.js";
import { el } from "./dom.js";
import { attempt, dialog, menu } from "./floating.js";
import { nameOf } from "./format.js";
import { icon } from "./icons.js";
import { emit, meet, store } from "./store.js";
import { VirtualList } from "./virtual.js";
import { t } from "./words.js";

export function memberList(info) {
  const search = el("input", {
    type: "search",
    class: "search-input",
    placeholder: t("members.search"),
    "aria-label": t("members.search"),
  });
  const list = new VirtualList({
    label: t("members.list"),
    rowHeight: 54,
    load: async (offset, limit) => {
      const { members, total } = await ask("view/members", { chat: info.key, query: search.value, offset, limit });
      members.forEach((member) => meet(member.person));
      list.node.style.height = `${Math.min(Math.max(total, 1), 9) * 54}px`;
      return { items: members, total };
    },
    draw: (member) => memberRow(info, member, () => list.refresh()),
    choose: (member) => emit("profile", member.person),
    keyOf: (member) => member.person.id,
    empty: () => el("p", { class: "empty-list", text: t("nothing_found") }),
  });
  list.drivenBy(search);
  list.refresh();
  const add = el(
    "button",
    { type: "button", class: "fact action", onclick: () => addDialog(info) },
    icon("plus"),
    el("span", { text: t("members.add") }),
  );
  return el(
    "div",
    { class: "members" },
    add,
    info.count > 8 ? el("div", { class: "search" }, icon("search"), search) : null,
    list.node,
  );
}

function memberRow(info, member, changed) {
  const { person, status } = member;
  const name = nameOf(person);
  const more = el(
    "button",
    { type: "button", class: "round", "aria-label": t("members.change", { name }), tabindex: -1 },
    icon("more"),
  );
  more.addEventListener("click", () => menu(more, choices(info, member, changed)));
  const role =
    status === "member"
      ? null
      : el("span", { class: `role role-${status}`, text: member.title ?? t(`status.${status}`) });
  return [
    avatar(person.id, name, { size: 38, symbol: person.is_bot ? "bot" : null, deleted: person.deactivated }),
    el(
      "span",
      { class: "row-text" },
      el("span", { class: "row-title", text: name }),
      el("span", { class: "row-sub", text: person.username ? `@${person.username}` : String(person.id) }),
    ),
    role,
    more,
  ].filter(Boolean);
}

function choices(info, { person, status }, changed) {
  const user = store.user?.id;
  const gesture = (name, more) => async () => {
    if (await attempt(() => act(name, { user, chat: info.key, ...more }))) {
      changed();
      emit("about");
    }
  };
  const set = (wanted) => gesture("set_member", { member: person.id, status: wanted });
  const bot = (admin) => gesture("add_bot", { bot: person.id, admin });
  const items = [
    !person.is_bot &&
      person.id !== user && {
        text: t("profile.play", { name: nameOf(person) }),
        icon: "user",
        run: () => emit("play", person.id),
      },
    person.is_bot && { text: t("botview"), icon: "bot", run: () => emit("watch", person.id) },
  ];
  if (status === "kicked") items.push({ text: t("members.let_back"), icon: "into", run: set("left") });
  else if (status !== "creator") {
    const admin = status === "administrator";
    items.push({
      text: t(admin ? "members.demote" : "members.promote"),
      icon: "shield",
      run: person.is_bot ? bot(!admin) : set(admin ? "member" : "administrator"),
    });
    items.push({
      text: t("members.remove"),
      icon: "leave",
      danger: true,
      run: person.is_bot ? gesture("kick_bot", { bot: person.id }) : set("left"),
    });
    if (!person.is_bot) items.push({ text: t("members.ban"), icon: "block", danger: true, run: set("kicked") });
  }
  return items.filter(Boolean);
}

function addDialog(info) {
  const search = el("input", { type: "search", placeholder: t("people.search"), "aria-label": t("people.search") });
  const list = new VirtualList({
    label: t("people.list"),
    rowHeight: 54,
    load: async (offset, limit) => {
      const { people, total } = await ask("view/people", { query: search.value, offset, limit });
      return { items: people, total };
    },
    draw: (person) => [
      avatar(person.id, nameOf(person), { size: 38, symbol: person.is_bot ? "bot" : null }),
      el(
        "span",
        { class: "row-text" },
        el("span", { class: "row-title", text: nameOf(person) }),
        el("span", { class: "row-sub", text: person.username ? `@${person.username}` : String(person.id) }),
      ),
    ],
    choose: (person) => add(info, person, () => close()),
    keyOf: (person) => person.id,
    empty: () => el("p", { class: "empty-list", text: t("nothing_found") }),
  });
  list.drivenBy(search);
  const close = dialog({ title: t("members.add"), fields: [search, el("div", { class: "dialog-list" }, list.node)] });
  list.refresh();
}

async function add(info, person, close) {
  const done = await attempt(() =>
    person.is_bot
      ? act("add_bot", { chat: info.key, bot: person.id, admin: info.kind === "channel" })
      : act("set_member", { chat: info.key, member: person.id, status: "member" }),
  );
  if (done) {
    close();
    emit("about");
  }
}
