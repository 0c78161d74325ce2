// The messages of the open chat: fetched in pages both ways, grouped, kept up to date.

import { ask, change } from "./api.js";
import { floatDates } from "./dates.js";
import { debounced, el, reducedMotion } from "./dom.js";
import { icon } from "./icons.js";
import { Painter } from "./painter.js";
import { emit, meet, on, store } from "./store.js";
import { authorOf, isService, summary } from "./summary.js";
import { t } from "./words.js";

const PAGE = 50;
const KEPT = 300;
const NEAR = 500; // pixels from an end at which more is fetched

export class Thread {
  constructor() {
    this.column = el("div", { class: "column", role: "log", "aria-label": t("messages"), "aria-live": "off" });
    this.scroller = el("div", { class: "scroller", tabindex: -1 }, this.column);
    this.spoken = el("div", { class: "sr-only", "aria-live": "polite" });
    this.count = el("span", { class: "badge", hidden: true });
    this.down = el(
      "button",
      { type: "button", class: "to-end", "aria-label": t("to_end"), onclick: () => this.toEnd() },
      this.count,
      icon("down"),
    );
    this.node = el("div", { class: "thread" }, this.scroller, this.down, this.spoken);
    this.scroller.addEventListener("scroll", () => this._scrolled(), { passive: true });
    this.markRead = debounced(() => this._read(), 120);
    new ResizeObserver(() => {
      if (this.stuck) this._bottom();
    }).observe(this.scroller);
    this.column.addEventListener(
      "load",
      () => {
        if (this.stuck) this._bottom();
      },
      true,
    );
    on("messages", (messages) => {
      if (this.place?.user === store.user?.id && this.place?.chat === store.chat) this.receive(messages);
    });
    on("jump", (id) => this.jump(id));
    on("edit.last", () => this._editLast());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.markRead();
    });
    this._clear();
  }

  _clear() {
    this.messages = new Map();
    this.painter = new Painter(this.column);
    this.older = this.newer = false;
    this.fetching = false;
    this.stuck = true;
    this.fresh = 0;
    this.generation = (this.generation ?? 0) + 1;
  }

  async open(around = null) {
    this._clear();
    this.place = { user: store.user.id, chat: store.chat, thread: store.thread };
    const generation = this.generation;
    const found = await ask("view/messages", this._query(around ? { around } : {}));
    if (generation !== this.generation) return;
    this._take(found.messages);
    this.older = found.older;
    this.newer = found.newer;
    this.stuck = !found.newer && !around;
    const unread = this._sorted().find((each) => !each.out && each.message_id > (store.info?.read ?? 0));
    this.readMark = around ? null : (unread?.message_id ?? null);
    this.paint();
    if (around) this._show(around);
    else this._bottom();
    this.markRead();
  }

  _query(more) {
    return { ...this.place, limit: PAGE, ...more };
  }

  _take(messages) {
    for (const message of messages) {
      if (message.from) meet(message.from);
      this.messages.set(message.message_id, message);
      this.painter.rows.delete(message.message_id);
    }
  }

  _sorted() {
    return [...this.messages.values()].sort((one, other) => one.message_id - other.message_id);
  }

  _belongs(message) {
    return store.thread === null || (message.message_thread_id ?? 1) === store.thread;
  }

  receive(messages) {
    const before = this.messages.size;
    const highest = Math.max(0, ...this.messages.keys());
    const arrived = [];
    for (const message of messages) {
      if (message.deleted) this.messages.delete(message.message_id);
      else if (this.messages.has(message.message_id)) this._take([message]);
      else if (this._belongs(message) && !this.newer && message.message_id > highest) {
        this._take([message]);
        arrived.push(message);
      }
    }
    this._trim();
    this.paint(new Set(arrived.map((each) => each.message_id)));
    if (this.messages.size > before || arrived.length) this._arrived(arrived);
    this.markRead();
  }

  /** Let go of the oldest while one reads the newest; while one reads older ones, newer ones wait to be asked for. */
  _trim() {
    const surplus = this.messages.size - KEPT;
    if (surplus <= PAGE) return;
    const ids = this._sorted().map((each) => each.message_id);
    for (const id of this.stuck ? ids.slice(0, surplus) : ids.slice(-surplus)) {
      this.messages.delete(id);
      this.painter.rows.delete(id);
    }
    this[this.stuck ? "older" : "newer"] = true;
  }

  _arrived(messages) {
    const others = messages.filter((message) => !message.out);
    if (others.length)
      this.spoken.textContent = others
        .slice(-3)
        .map((message) => (isService(message) ? summary(message) : `${authorOf(message)}: ${summary(message)}`))
        .join("\n");
    if (messages.some((message) => message.out)) this.stuck = true;
    if (this.stuck) this._bottom(true);
    else this._count(this.fresh + others.length);
  }

  _count(fresh) {
    this.fresh = fresh;
    this.count.hidden = !fresh;
    this.count.textContent = fresh;
  }

  paint(arrived) {
    this.painter.paint(this._sorted(), this, arrived);
  }

  _all() {
    return [...this.column.querySelectorAll(".row[data-id]")];
  }

  repaint() {
    this.painter.rows.clear();
    this.paint();
    if (this.stuck) this._bottom();
  }

  async _more(side) {
    if (this.fetching || !this[side]) return;
    this.fetching = true;
    const generation = this.generation;
    const ids = [...this.messages.keys()];
    const edge = side === "older" ? { before: Math.min(...ids) } : { after: Math.max(...ids) };
    try {
      const found = await ask("view/messages", this._query(edge));
      if (generation !== this.generation) return;
      this._extend(side, found);
    } finally {
      this.fetching = false;
    }
  }

  /** Add a page at one end and let go of what is too far at the other, without a jump. */
  _extend(side, found) {
    const anchor = this._anchor();
    this._take(found.messages);
    this[side] = found[side];
    const ids = this._sorted().map((each) => each.message_id);
    const surplus = side === "older" ? ids.slice(KEPT) : ids.slice(0, Math.max(0, ids.length - KEPT));
    surplus.forEach((id) => this.messages.delete(id));
    if (surplus.length) this[side === "older" ? "newer" : "older"] = true;
    this.paint();
    if (anchor?.node.isConnected) this.scroller.scrollTop += anchor.node.getBoundingClientRect().top - anchor.top;
  }

  _anchor() {
    const top = this.scroller.getBoundingClientRect().top;
    const node = this._all().find((each) => each.getBoundingClientRect().bottom > top);
    return node ? { node, top: node.getBoundingClientRect().top } : null;
  }

  _scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    const below = scrollHeight - scrollTop - clientHeight;
    this.stuck = below < 60 && !this.newer;
    this.down.classList.toggle("shown", below > 300 || this.newer);
    floatDates(this);
    if (this.stuck) {
      this._count(0);
      this.markRead();
    }
    if (scrollTop < NEAR) this._more("older");
    if (below < NEAR) this._more("newer");
  }

  _bottom(smooth = false) {
    this.scroller.scrollTo({
      top: this.scroller.scrollHeight,
      behavior: smooth && !reducedMotion() && this.near() ? "smooth" : "instant",
    });
  }

  near() {
    return this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < 800;
  }

  toEnd() {
    if (this.newer) {
      this.open();
      return;
    }
    this.stuck = true;
    this._bottom(true);
  }

  _editLast() {
    const own = this._sorted().findLast((message) => message.out && message.text && !message.forward_origin);
    if (own) emit("edit", own);
  }

  async jump(id) {
    if (!this.messages.has(id)) await this.open(id);
    else this._show(id);
  }

  _show(id) {
    const node = this._all().find((each) => Number(each.dataset.first) <= id && id <= Number(each.dataset.id));
    if (!node) return;
    node.scrollIntoView({ block: "center", behavior: reducedMotion() ? "instant" : "auto" });
    node.classList.remove("lit");
    void node.offsetWidth;
    node.classList.add("lit");
  }

  async _read() {
    if (!this.stuck || document.hidden || !this.messages.size) return;
    const { user, chat } = this.place;
    const message = Math.max(...this.messages.keys());
    const now = `${user} ${chat} ${message}`;
    if (this.lastRead === now) return;
    this.lastRead = now;
    await change("POST", "view/read", { user, chat, message }).catch(() => {});
    emit("read", chat);
  }
}
