// Following links into this Telegram: invite links, public names, ?start= payloads.

import { act, ask } from "./api.js";
import { avatar } from "./avatar.js";
import { el } from "./dom.js";
import { attempt, dialog, field, notice } from "./floating.js";
import { icon } from "./icons.js";
import { payDialog } from "./invoice.js";
import { emit, on, store } from "./store.js";
import { t } from "./words.js";

on("follow", (url) => follow(url));
on("payload", (info) => payloadDialog(info));

/** Do what a link into Telegram does. */
export async function follow(url) {
  if (!store.user) {
    notice(t("choose.user"));
    return;
  }
  const address = new URL(/^[a-z]+:/i.test(url) ? url : `https://${url}`);
  const [name, second] = address.pathname.split("/").filter(Boolean);
  if (address.protocol === "tg:") {
    await followScheme(address);
    return;
  }
  if (name?.startsWith("+") || name === "joinchat") {
    await offer(url.startsWith("http") ? url : `https://${url}`);
    return;
  }
  if (name?.startsWith("$") || name === "invoice") {
    await attempt(async () => payDialog(await ask("invoice", { link: address.href }), { link: address.href }));
    return;
  }
  if (name === "c") {
    await openMessage(-1_000_000_000_000 - Number(second), Number(address.pathname.split("/").pop()));
    return;
  }
  await openNamed(name, address.searchParams.get("start"), Number(second) || null);
}

async function followScheme(address) {
  const query = address.searchParams;
  if (query.get("invite")) await offer(`https://t.me/+${query.get("invite")}`);
  else if (query.get("domain")) await openNamed(query.get("domain"), query.get("start"));
  else if (query.get("id")) emit("profile", { id: Number(query.get("id")) });
}

async function openNamed(name, payload, message = null) {
  const wanted = (name ?? "").toLowerCase();
  const { people } = await ask("view/people", { query: `@${wanted}`, limit: 20 });
  const person = people.find((each) => each.username?.toLowerCase() === wanted);
  if (person?.is_bot) {
    emit("open", person.id);
    if (payload !== null) await attempt(() => act("start", { bot: person.id, payload }));
    return;
  }
  if (person) {
    emit("profile", person);
    return;
  }
  const { chats } = await ask("view/chats", { user: store.user.id, query: `@${wanted}`, limit: 20 });
  const chat = chats.find((each) => each.username?.toLowerCase() === wanted);
  if (chat) openMessage(chat.key, message);
  else notice(t("link.unknown", { name }), "error");
}

function openMessage(key, message) {
  emit("open", key);
  if (message) setTimeout(() => emit("jump", message), 300);
}

/** A dialog to paste a link into, with the doors that stand open. */
export async function joinDialog() {
  const doors = await ask("view/doors", { user: store.user.id });
  const input = el("input", { type: "text", placeholder: "https://t.me/+…", spellcheck: "false", autocomplete: "off" });
  const close = dialog({
    title: t("join.title"),
    fields: [
      field(t("join.link"), input),
      doors.length ? el("h3", { text: t("join.open_doors") }) : null,
      el(
        "div",
        { class: "doors" },
        doors.map((door) => doorRow(door, () => close())),
      ),
    ],
    actions: [
      { text: t("cancel") },
      {
        text: t("open"),
        primary: true,
        run: () => {
          if (input.value.trim()) follow(input.value.trim());
        },
      },
    ],
  });
}

function doorRow(door, close) {
  const about = [door.name, door.asks ? t("join.asks") : t("join.at_once")].filter(Boolean).join(" · ");
  return el(
    "button",
    {
      type: "button",
      class: "door",
      onclick: () => {
        close();
        follow(door.link);
      },
    },
    avatar(door.chat, door.title, { size: 40 }),
    el(
      "span",
      { class: "row-text" },
      el("span", { class: "row-title", text: door.title }),
      el("span", { class: "row-sub", text: about }),
    ),
    icon("into"),
  );
}

/** What an invite link leads to, and a button to go there. */
async function offer(url) {
  const doors = await ask("view/doors", { user: store.user.id });
  const door = doors.find((each) => each.link === url);
  const asks = door?.asks ?? false;
  dialog({
    title: t(asks ? "join.request" : "join.group"),
    fields: [
      el(
        "div",
        { class: "pay-card" },
        avatar(door?.chat ?? 0, door?.title ?? "?", { size: 72 }),
        el("strong", { text: door?.title ?? url }),
        el("p", { text: t(asks ? "join.asks_long" : "join.at_once_long") }),
      ),
    ],
    actions: [
      { text: t("cancel") },
      { text: t(asks ? "join.request" : "join"), primary: true, run: () => enter(url, asks) },
    ],
  });
}

async function enter(url, asks) {
  const result = await attempt(() => act(asks ? "request_join" : "join", { link: url }));
  if (!result) return;
  if (asks) notice(t("join.requested"));
  else emit("open", result.chat_id);
  emit("chats.refresh");
}

function payloadDialog(info) {
  const payload = el("input", { type: "text", maxlength: 64, pattern: "[A-Za-z0-9_\\-]*" });
  dialog({
    title: t("start.payload"),
    fields: [field(t("start.payload_field"), payload, `https://t.me/${info.username}?start=…`)],
    actions: [
      { text: t("cancel") },
      {
        text: t("start"),
        primary: true,
        run: async () => Boolean(await attempt(() => act("start", { bot: info.key, payload: payload.value }))),
      },
    ],
  });
}
