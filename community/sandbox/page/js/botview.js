// Over a bot's shoulder: every update in and every call out, in order, with timing and outcome.

import { ask } from "./api.js";
import { avatar } from "./avatar.js";
import { arrange, el, fill, throttled } from "./dom.js";
import { attempt } from "./floating.js";
import { exactTime, nameOf, number, took } from "./format.js";
import { icon } from "./icons.js";
import { copy } from "./keyboard.js";
import { about, followed } from "./records.js";
import { on, store } from "./store.js";
import { t } from "./words.js";

const KEPT = 1000;
const REDRAWN_MS = 100; // a flood of records is drawn at most this often

export class BotView {
  constructor({ back }) {
    this.head = el("header", { class: "chat-head" });
    this.tools = el("div", { class: "bot-tools" });
    this.rows = el("div", { class: "records", role: "log", "aria-label": t("botview"), tabindex: 0 });
    this.node = el(
      "main",
      { class: "pane botview", hidden: true, "aria-label": t("botview"), tabindex: -1 },
      this.head,
      this.tools,
      this.rows,
    );
    this.back = back;
    this.filter = "";
    this.kind = "all";
    this.paused = false;
    this._clear();
    this.draw = throttled(() => this.paint(), REDRAWN_MS);
    on("records", (records) => this._receive(records));
    on("again", () => {
      if (store.bot) this.open();
    });
    this.rows.addEventListener("scroll", () => {
      this.stuck = this.rows.scrollHeight - this.rows.scrollTop - this.rows.clientHeight < 50;
      if (this.rows.scrollTop < 200) this._older();
    });
  }

  _clear() {
    this.records = [];
    this.drawn = new Map();
    this.held = [];
    this.stuck = true;
    this.more = true;
  }

  async open() {
    this._clear();
    const found = await attempt(() => ask("view/records", { bot: store.bot, limit: 200 }));
    if (!found) return;
    this.records = found.records;
    this.more = found.records.length === 200;
    this._head(found);
    this._tools();
    this.paint();
  }

  _head(found) {
    const bot = store.people.get(store.bot);
    const name = bot ? nameOf(bot) : `#${store.bot}`;
    const base = `${location.origin}/bot${found.token}/`;
    fill(
      this.head,
      el(
        "button",
        { type: "button", class: "round only-narrow", "aria-label": t("back"), onclick: () => this.back() },
        icon("back"),
      ),
      avatar(store.bot, name, { size: 42, symbol: "bot" }),
      el(
        "span",
        { class: "row-text" },
        el("h2", { text: name }),
        el("span", {
          class: "chat-sub",
          text: `${found.webhook ? t("botview.webhook") : t("botview.polling")} · ${t("botview.waiting", { count: found.waiting })}`,
        }),
      ),
      el(
        "button",
        { type: "button", class: "chip", title: t("botview.copy_base"), onclick: () => copy(base) },
        icon("copy"),
        el("span", { text: t("botview.address") }),
      ),
    );
  }

  _tools() {
    const search = el("input", {
      type: "search",
      class: "search-input",
      placeholder: t("botview.filter"),
      "aria-label": t("botview.filter"),
      value: this.filter,
    });
    search.addEventListener("input", () => {
      this.filter = search.value.trim().toLowerCase();
      this.paint();
    });
    const kinds = ["all", "updates", "calls", "errors"].map((kind) => {
      const button = el("button", {
        type: "button",
        class: "chip",
        "aria-pressed": String(kind === this.kind),
        text: t(`botview.${kind}`),
      });
      button.addEventListener("click", () => {
        this.kind = kind;
        for (const each of kinds) each.setAttribute("aria-pressed", String(each === button));
        this.paint();
      });
      return button;
    });
    this.pause = el("button", {
      type: "button",
      class: "chip",
      "aria-pressed": String(this.paused),
      onclick: () => this._pause(),
    });
    this._pauseWords();
    const clear = el("button", {
      type: "button",
      class: "chip",
      text: t("botview.clear"),
      onclick: () => {
        this.records = [];
        this.drawn.clear();
        this.more = false;
        this.paint();
      },
    });
    fill(
      this.tools,
      el("div", { class: "search" }, icon("search"), search),
      el("div", { class: "chips" }, kinds, el("span", { class: "spring" }), this.pause, clear),
    );
  }

  _pause() {
    this.paused = !this.paused;
    this.pause.setAttribute("aria-pressed", String(this.paused));
    if (!this.paused) {
      const held = this.held.splice(0);
      this._receive(held);
    }
    this._pauseWords();
  }

  _pauseWords() {
    const words = this.paused ? t("botview.paused", { count: number(this.held.length) }) : t("botview.live");
    fill(this.pause, icon(this.paused ? "play" : "pause"), el("span", { text: words }));
  }

  _receive(records) {
    const mine = records.filter((record) => record.bot_id === store.bot);
    if (this.paused) {
      this.held = [...this.held, ...mine].slice(-KEPT);
      this._pauseWords();
      return;
    }
    this.records = [...this.records, ...mine];
    if (this.records.length > KEPT) this.more = true;
    this.records = this.records.slice(-KEPT);
    this.draw();
  }

  async _older() {
    if (!this.more || !this.records.length || this.loading) return;
    this.loading = true;
    const found = await ask("view/records", { bot: store.bot, before: this.records[0].number, limit: 200 }).catch(
      () => ({ records: [] }),
    );
    const before = this.rows.scrollHeight;
    this.records = [...found.records, ...this.records];
    this.more = found.records.length === 200;
    this.loading = false;
    this.paint();
    this.rows.scrollTop += this.rows.scrollHeight - before;
  }

  _shown(record) {
    if (this.kind === "updates" && record.kind !== "update") return false;
    if (this.kind === "calls" && record.kind !== "call") return false;
    if (this.kind === "errors" && record.error === null) return false;
    return (
      !this.filter ||
      JSON.stringify(record.update ?? record)
        .toLowerCase()
        .includes(this.filter)
    );
  }

  paint() {
    const causes = followed(this.records);
    const oldest = this.records[0]?.number ?? 0;
    for (const number of this.drawn.keys()) if (number < oldest) this.drawn.delete(number);
    const shown = this.records.filter((record) => this._shown(record));
    arrange(
      this.rows,
      shown.length
        ? shown.map((record) => this._row(record, causes.get(record.number)))
        : [el("p", { class: "empty-list", text: t("botview.nothing") })],
    );
    if (this.stuck) this.rows.scrollTop = this.rows.scrollHeight;
  }

  _row(record, cause) {
    if (!this.drawn.has(record.number)) this.drawn.set(record.number, recordRow(record, cause));
    return this.drawn.get(record.number);
  }
}

function recordRow(record, cause) {
  const isCall = record.kind === "call";
  const { title, detail, chat } = about(record);
  const failed = record.error !== null;
  const outcome = isCall
    ? el("span", {
        class: `outcome ${failed ? "failed" : "fine"}`,
        text: failed ? record.error || t("botview.cut") : t("botview.ok"),
      })
    : null;
  const summary = el(
    "summary",
    {},
    el("time", { class: "record-time", text: exactTime(record.date) }),
    el(
      "span",
      { class: `record-way ${isCall ? "out" : "in"}`, title: t(isCall ? "botview.call" : "botview.update") },
      icon(isCall ? "up" : "into"),
    ),
    el("span", { class: "record-title", text: title }),
    chat ? el("span", { class: "record-chat", text: chat }) : null,
    el("span", { class: "record-detail", text: failed ? record.description : detail }),
    cause && !cause.next
      ? el("span", {
          class: "record-cause",
          title: t("botview.follows", { kind: cause.kind, id: cause.id, time: took(cause.after) }),
          text: `↳ ${cause.kind}`,
        })
      : null,
    record.fault ? el("span", { class: "chip-mark", text: t("botview.fault", { kind: record.fault }) }) : null,
    isCall ? el("span", { class: "record-took", text: took(record.duration) }) : null,
    outcome,
  );
  const node = el(
    "details",
    { class: `record ${isCall ? "call" : "update"} ${failed ? "failed" : ""} ${cause?.next ? "follows" : ""}` },
    summary,
  );
  node.addEventListener(
    "toggle",
    () => {
      if (node.open && !node.querySelector("pre")) node.append(details(record, cause));
    },
    { once: true },
  );
  return node;
}

function details(record, cause) {
  const text = JSON.stringify(record.update ?? record, null, 2);
  return el(
    "div",
    { class: "record-body" },
    cause ? el("p", { text: t("botview.follows", { kind: cause.kind, id: cause.id, time: took(cause.after) }) }) : null,
    el("pre", { class: "json", tabindex: 0, text }),
    el(
      "button",
      { type: "button", class: "chip", onclick: () => copy(text) },
      icon("copy"),
      el("span", { text: t("copy.text") }),
    ),
  );
}
