// Buttons below a message, and the keyboard below the chat.

import { act } from "./api.js";
import { el, fill } from "./dom.js";
import { ownAddress } from "./entities.js";
import { attempt, dialog, notice } from "./floating.js";
import { icon } from "./icons.js";
import { payDialog } from "./invoice.js";
import { emit, on, store } from "./store.js";
import { t } from "./words.js";

const PATIENCE = 15_000;
const waiting = new Map(); // pressed buttons by the number of their callback query

on("answers", (answers) => answers.forEach(answered));

function answered(answer) {
  waiting.get(answer.id)?.();
  if (answer.text && answer.show_alert) dialog({ title: t("bot.says"), fields: [el("p", { text: answer.text })], actions: [{ text: t("ok"), primary: true }] });
  else if (answer.text) notice(answer.text);
  if (answer.url) emit("follow", answer.url);
}

export function inlineButtons(message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  return el("div", { class: "inline-keyboard" }, rows.map((row) => el("div", { class: "inline-row" }, row.map((button) => inlineButton(message, button)))));
}

const MARKS = [["url", "external"], ["login_url", "external"], ["web_app", "copy"], ["copy_text", "copy"], ["switch_inline_query", "forward"], ["switch_inline_query_current_chat", "forward"]];

function inlineButton(message, button) {
  const mark = MARKS.find(([kind]) => kind in button)?.[1];
  const style = ["primary", "success", "danger"].includes(button.style) ? `style-${button.style}` : "";
  const node = el("button", { type: "button", class: `inline-button ${style}`, title: button.url ?? null },
    el("span", { text: button.text }), mark ? icon(mark, "corner") : null, button.pay ? icon("star", "corner filled") : null);
  node.addEventListener("click", () => pressInline(message, button, node));
  return node;
}

async function pressInline(message, button, node) {
  if (button.pay) { payDialog(message); return; }
  if (button.copy_text) { await copy(button.copy_text.text); return; }
  if (button.url) { await followUrl(message, button); return; }
  if (!("callback_data" in button)) { notice(t("button.not_here")); return; }
  node.classList.add("busy");
  const result = await attempt(() => act("press", { chat: store.chat, message: message.message_id, text: button.text, data: button.callback_data }));
  const done = () => { node.classList.remove("busy"); waiting.delete(result?.callback_query_id); };
  if (!result) { done(); return; }
  waiting.set(result.callback_query_id, done);
  setTimeout(done, PATIENCE);
}

async function followUrl(message, button) {
  if (ownAddress(button.url)) { emit("follow", button.url); return; }
  if (!/^(https?|tg):/i.test(button.url)) { notice(t("button.not_here")); return; }
  dialog({
    title: t("link.open"),
    fields: [el("p", { class: "break", text: button.url })],
    actions: [{ text: t("cancel") }, { text: t("open"), primary: true, run: () => { window.open(button.url, "_blank", "noopener,noreferrer"); } }],
  });
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    notice(t("copied"));
  } catch {
    notice(text);
  }
}

/** An invoice without buttons of its own still has one to pay. */
export function payButton(message) {
  if (message.reply_markup?.inline_keyboard?.length) return null;
  const button = el("button", { type: "button", class: "inline-button", onclick: () => payDialog(message) }, el("span", { text: t("pay") }), icon("star", "corner filled"));
  return el("div", { class: "inline-keyboard" }, el("div", { class: "inline-row" }, button));
}

/** The reply keyboard of a chat in the place for it; `write` sends what a button says. */
export class ReplyKeyboard {
  constructor() {
    this.node = el("div", { class: "reply-keyboard", role: "group", "aria-label": t("keyboard"), hidden: true });
    this.toggle = el("button", { type: "button", class: "round", "aria-label": t("keyboard"), title: t("keyboard"), hidden: true, onclick: () => this.show(this.node.hidden) }, icon("keyboard"));
    this.markup = null;
  }

  set(markup) {
    const rows = markup?.keyboard ?? null;
    if (JSON.stringify(rows) === JSON.stringify(this.markup?.keyboard ?? null)) return;
    this.markup = markup;
    this.toggle.hidden = !rows;
    fill(this.node, (rows ?? []).map((row) => el("div", { class: "reply-row" }, row.map((cell) => this._button(cell)))));
    this.show(Boolean(rows));
  }

  show(visible) { this.node.hidden = !visible || !this.markup?.keyboard; }

  _button(cell) {
    const text = typeof cell === "string" ? cell : cell.text;
    const style = ["primary", "success", "danger"].includes(cell.style) ? `style-${cell.style}` : "";
    return el("button", { type: "button", class: `reply-button ${style}`, text, onclick: async () => {
      const sent = await attempt(() => act("press", { chat: store.chat, text }));
      if (sent && this.markup?.one_time_keyboard) this.show(false);
    } });
  }
}

