// The open chat: its head, pins, topics, messages, and what can be done at the bottom.

import { ask } from "./api.js";
import { avatar } from "./avatar.js";
import { bottomBar, chatMenu } from "./chat_actions.js";
import { Composer } from "./composer.js";
import { el, fill, throttled } from "./dom.js";
import { attempt, menu } from "./floating.js";
import { number } from "./format.js";
import { icon } from "./icons.js";
import { chatProfile } from "./profile.js";
import { emit, on, store } from "./store.js";
import { summary } from "./summary.js";
import { Thread } from "./thread.js";
import { topicsPane } from "./topics.js";
import { welcome } from "./welcome.js";
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
    this.node = el(
      "main",
      { class: "pane conversation", id: "conversation", tabindex: -1, "aria-label": t("conversation") },
      el("div", { class: "wallpaper", "aria-hidden": "true" }),
      this.blank,
      this.head,
      this.pins,
      this.topics,
      this.thread.node,
      this.foot,
    );
    this.typing = null;
    this.refresh = throttled(() => this._about(), 250);
    on("about", this.refresh);
    on("people", () => {
      if (!store.user) welcome(this.blank);
    });
    on("rows", (rows) => {
      if (rows.some((row) => row.key === store.chat)) this._row();
    });
    on("again", () => this.open(true));
    on("typing", () => this._typing());
    on("messages", (messages) => {
      if (messages.some((message) => !message.out)) this._typing(false);
    });
    this._show(false);
  }

  _show(open) {
    for (const part of [this.head, this.thread.node, this.foot]) part.hidden = !open;
    if (!open) this.pins.hidden = this.topics.hidden = true;
    this.blank.hidden = open;
    if (!open) welcome(this.blank);
  }

  /** Show what the store says is open; `again`: it was open before, and what is being written stays. */
  async open(again = false) {
    store.info = null;
    this._show(Boolean(store.user && store.chat));
    if (!store.user || !store.chat) return;
    const chat = `${store.user.id} ${store.chat} ${store.thread}`;
    this._typing(false);
    const info = await attempt(() => ask("view/chat", { user: store.user.id, chat: store.chat }));
    if (!info || chat !== `${store.user.id} ${store.chat} ${store.thread}`) {
      if (!info) this._show(false);
      return;
    }
    store.info = info;
    this._draw();
    if (!again) this.composer.reset();
    const list = this._listsTopics();
    this.thread.node.hidden = list;
    if (!list) await this.thread.open();
  }

  _listsTopics() {
    return Boolean(store.info?.topics?.length && store.thread === null);
  }

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
    else if (changed("refusals") || changed("opened")) {
      this.thread.painter.rows.delete("empty");
      this.thread.paint();
      if (this.thread.stuck) this.thread._bottom();
    }
    emit("info", info);
  }

  _row() {
    const row = store.chats.get(store.chat);
    if (
      row &&
      store.info &&
      (row.opened !== store.info.opened || row.begun !== store.info.begun || row.blocked !== store.info.blocked || row.inside !== store.info.inside)
    )
      this.refresh();
  }

  _draw() {
    const { info } = store;
    this._head(info);
    this._pins(info);
    this._foot(info);
    const list = this._listsTopics();
    this.topics.hidden = !list;
    this.foot.hidden = list && info.inside;
    if (list) fill(this.topics, topicsPane(info, this.openThread));
  }

  _head(info) {
    const topic = info.topics?.find((each) => each.id === store.thread);
    this.subtitle = el("span", { class: "chat-sub", text: topic ? info.title : subtitle(info) });
    const more = el(
      "button",
      { type: "button", class: "round", "aria-label": t("more"), title: t("more"), "aria-haspopup": "menu" },
      icon("more"),
    );
    more.addEventListener("click", () => menu(more, chatMenu(info)));
    fill(
      this.head,
      el(
        "button",
        {
          type: "button",
          class: `round ${topic ? "" : "only-phone"}`,
          "aria-label": t("back"),
          onclick: () => (topic ? this.openThread(null) : this.back()),
        },
        icon("back"),
      ),
      el(
        "button",
        {
          type: "button",
          class: "chat-title",
          "aria-label": t("profile.of", { name: info.title }),
          onclick: () => chatProfile(),
        },
        avatar(info.key, info.title, { size: 42 }),
        el("span", { class: "row-text" }, el("h2", { text: topic?.name ?? info.title }), this.subtitle),
      ),
      info.kind === "private"
        ? el(
            "button",
            {
              type: "button",
              class: "round",
              "aria-label": t("botview"),
              title: t("botview"),
              onclick: () => emit("watch", info.key),
            },
            icon("bot"),
          )
        : null,
      el(
        "button",
        {
          type: "button",
          class: "round not-phone",
          "aria-label": t("profile.about"),
          title: t("profile.about"),
          onclick: () => chatProfile(),
        },
        icon("info"),
      ),
      more,
    );
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
    const button = el(
      "button",
      { type: "button", class: "pin", "aria-label": `${t("pinned")}: ${summary(pin)}` },
      el(
        "span",
        { class: "pin-marks", "aria-hidden": "true" },
        pins
          .slice(-4)
          .map((_, index, shown) => el("i", { class: index === shown.length - (pins.length - this.pin) ? "on" : "" })),
      ),
      el(
        "span",
        { class: "row-text" },
        el("b", { text: pins.length > 1 ? t("pinned.number", { number: this.pin + 1 }) : t("pinned") }),
        el("span", { text: summary(pin) }),
      ),
      icon("pin"),
    );
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
