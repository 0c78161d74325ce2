// The open chat: its head, pins, topics, messages, and what can be done at the bottom.

import { act, ask } from "./api.js";
import { avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { el, fill, throttled } from "./dom.js";
import { attempt, confirmed, menu } from "./floating.js";
import { number } from "./format.js";
import { icon } from "./icons.js";
import { chatProfile } from "./profile.js";
import { emit, on, store } from "./store.js";
import { summary } from "./summary.js";
import { Thread } from "./thread.js";
import { topicsPane } from "./topics.js";
import { t } from "./words.js";

export class Conversation {
  constructor({ openThread, back }) {
    this.openThread = openThread;
    this.back = back;
    this.thread = new Thread();
    this.composer = new Composer();
    this.head = el("header", { class: "chat-head" });
    this.pins = el("div", { class: "pins", hidden: true });
    this.topics = el("div", { class: "topics", hidden: true });
    this.foot = el("div", { class: "chat-foot" });
    this.blank = el("div", { class: "blank" });
    this.node = el("main", { class: "pane conversation", id: "conversation", tabindex: -1, "aria-label": t("conversation") },
      el("div", { class: "wallpaper", "aria-hidden": "true" }), this.blank, this.head, this.pins, this.topics, this.thread.node, this.foot);
    this.typing = null;
    this.refresh = throttled(() => this._about(), 250);
    on("about", this.refresh);
    on("rows", (rows) => { if (rows.some((row) => row.key === store.chat)) this._row(); });
    on("again", () => this.open());
    on("typing", () => this._typing());
    on("messages", (messages) => { if (messages.some((message) => !message.out)) this._typing(false); });
    this._show(false);
  }

  _show(open) {
    for (const part of [this.head, this.thread.node, this.foot]) part.hidden = !open;
    if (!open) this.pins.hidden = this.topics.hidden = true;
    this.blank.hidden = open;
    fill(this.blank, el("span", { text: t(store.user ? "choose.chat" : "choose.user") }));
  }

  /** Show what the store says is open. */
  async open() {
    store.info = null;
    this._show(Boolean(store.user && store.chat));
    if (!store.user || !store.chat) return;
    const chat = `${store.user.id} ${store.chat} ${store.thread}`;
    this._typing(false);
    const info = await attempt(() => ask("view/chat", { user: store.user.id, chat: store.chat }));
    if (!info || chat !== `${store.user.id} ${store.chat} ${store.thread}`) { if (!info) this._show(false); return; }
    store.info = info;
    this._draw();
    this.composer.reset();
    const list = this._listsTopics();
    this.thread.node.hidden = list;
    if (!list) await this.thread.open();
  }

  _listsTopics() { return Boolean(store.info?.topics?.length && store.thread === null); }

  async _about() {
    if (!store.user || !store.chat) return;
    const chat = store.chat;
    const info = await ask("view/chat", { user: store.user.id, chat }).catch(() => null);
    if (!info || chat !== store.chat) return;
    const before = store.info;
    store.info = info;
    this._draw();
    const changed = (key) => JSON.stringify(before?.[key]) !== JSON.stringify(info[key]);
    if (changed("pins")) this.thread.repaint();
    else if (changed("refusals") || changed("opened")) { this.thread.rows.delete("empty"); this.thread.paint(); if (this.thread.stuck) this.thread._bottom(); }
    emit("info", info);
  }

  _row() {
    const row = store.chats.get(store.chat);
    if (row && store.info && (row.opened !== store.info.opened || row.blocked !== store.info.blocked || row.inside !== store.info.inside)) this.refresh();
  }

  _draw() {
    const { info } = store;
    this._head(info);
    this._pins(info);
    this._foot(info);
    const list = this._listsTopics();
    this.topics.hidden = !list;
    if (list) fill(this.topics, topicsPane(info, this.openThread));
  }

  _head(info) {
    const topic = info.topics?.find((each) => each.id === store.thread);
    this.subtitle = el("span", { class: "chat-sub", text: topic ? info.title : subtitle(info) });
    const more = el("button", { type: "button", class: "round", "aria-label": t("more"), title: t("more"), "aria-haspopup": "menu" }, icon("more"));
    more.addEventListener("click", () => menu(more, chatMenu(info)));
    fill(this.head,
      el("button", { type: "button", class: `round ${topic ? "" : "only-phone"}`, "aria-label": t("back"), onclick: () => (topic ? this.openThread(null) : this.back()) }, icon("back")),
      el("button", { type: "button", class: "chat-title", "aria-label": t("profile.of", { name: info.title }), onclick: () => chatProfile() },
        avatar(info.key, info.title, { size: 42 }),
        el("span", { class: "row-text" }, el("h2", { text: topic?.name ?? info.title }), this.subtitle)),
      info.kind === "private" ? el("button", { type: "button", class: "round", "aria-label": t("botview"), title: t("botview"), onclick: () => emit("watch", info.key) }, icon("bot")) : null,
      el("button", { type: "button", class: "round", "aria-label": t("profile.about"), title: t("profile.about"), onclick: () => chatProfile() }, icon("info")),
      more);
  }

  _typing(shown = true) {
    clearTimeout(this.typing);
    if (!this.subtitle || !store.info) return;
    this.subtitle.classList.toggle("typing", shown);
    this.subtitle.textContent = shown ? t("typing") : subtitle(store.info);
    if (shown) this.typing = setTimeout(() => this._typing(false), 5000);
  }

  _pins(info) {
    const pins = info.pins ?? [];
    this.pins.hidden = !pins.length || (store.thread === null && this._listsTopics());
    if (!pins.length) return;
    this.pin = Math.min(this.pin ?? pins.length - 1, pins.length - 1);
    const pin = pins[this.pin];
    const button = el("button", { type: "button", class: "pin", "aria-label": `${t("pinned")}: ${summary(pin)}` },
      el("span", { class: "pin-marks", "aria-hidden": "true" }, pins.slice(-4).map((_, index, shown) => el("i", { class: index === shown.length - (pins.length - this.pin) ? "on" : "" }))),
      el("span", { class: "row-text" }, el("b", { text: pins.length > 1 ? t("pinned.number", { number: this.pin + 1 }) : t("pinned") }), el("span", { text: summary(pin) })), icon("pin"));
    button.addEventListener("click", () => {
      this.thread.jump(pin.message_id);
      this.pin = (this.pin - 1 + pins.length) % pins.length;
      this._pins(info);
    });
    fill(this.pins, button);
  }

  _foot(info) {
    const bar = bottomBar(info);
    this.composer.setChat(info);
    if (bar) fill(this.foot, bar);
    else if (this.composer.node.parentElement !== this.foot) fill(this.foot, this.composer.node);
  }
}

function subtitle(info) {
  if (info.kind === "private") return info.blocked ? t("chats.blocked") : t("bot");
  const key = info.kind === "channel" ? "subscribers" : "members";
  return t(key, { count: number(info.count) });
}

/** What stands instead of the field to write in; null when one may write. */
function bottomBar(info) {
  if (store.user.deactivated) return el("p", { class: "bar-note", text: t("people.gone") });
  if (info.kind === "private") {
    if (info.blocked) return bar(t("unblock"), "block", () => act("unblock", { bot: info.key }));
    if (!info.opened) return bar(t("start"), "play", () => act("start", { bot: info.key }));
    return null;
  }
  if (info.requested) return el("p", { class: "bar-note", text: t("join.requested") });
  if (!info.inside) {
    if (info.you.status === "kicked") return el("p", { class: "bar-note", text: t("join.banned") });
    return info.username ? bar(t(info.kind === "channel" ? "join.channel" : "join.group"), "into", () => act("join", { chat: info.key })) : el("p", { class: "bar-note", text: t("join.outside") });
  }
  if (info.topics?.length && store.thread === null) return el("p", { class: "bar-note", text: t("topics.choose") });
  const topic = info.topics?.find((each) => each.id === store.thread);
  if (topic?.closed && !["creator", "administrator"].includes(info.you.status)) return el("p", { class: "bar-note", text: t("topics.closed") });
  if (!info.may_write) return el("p", { class: "bar-note", text: t(info.kind === "channel" ? "write.channel" : "write.not") });
  return null;
}

function bar(text, symbol, work) {
  const button = el("button", { type: "button", class: "bar-button" }, icon(symbol), el("span", { text }));
  button.addEventListener("click", async () => {
    button.disabled = true;
    await attempt(work);
    button.disabled = false;
    emit("about");
  });
  return button;
}

function chatMenu(info) {
  if (info.kind === "private") return [
    { text: t("profile.about"), icon: "info", run: () => chatProfile() },
    { text: t("start.payload"), icon: "play", run: () => emit("payload", info) },
    { text: t("botview"), icon: "bot", run: () => emit("watch", info.key) },
    { text: t(info.blocked ? "unblock" : "block"), icon: "block", danger: !info.blocked, run: () => attempt(() => act(info.blocked ? "unblock" : "block", { bot: info.key })) },
  ];
  return [
    { text: t("profile.about"), icon: "info", run: () => chatProfile() },
    info.inside && { text: t(info.kind === "channel" ? "leave.channel" : "leave.group"), icon: "leave", danger: true, run: () => leave(info) },
  ].filter(Boolean);
}

export async function leave(info) {
  if (!(await confirmed(t(info.kind === "channel" ? "leave.channel" : "leave.group"), t("leave.sure", { title: info.title }), t("leave")))) return;
  if (await attempt(() => act("leave", { chat: info.key }))) emit("left", info.key);
}
