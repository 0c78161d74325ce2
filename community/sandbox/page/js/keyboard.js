// Buttons below a message, and the keyboard below the chat.

import { act } from "./api.js";
import { el, fill } from "./dom.js";
import { ownAddress } from "./entities.js";
import { attempt, dialog, field, notice } from "./floating.js";
import { icon } from "./icons.js";
import { payDialog } from "./invoice.js";
import { emit, on, store } from "./store.js";
import { t } from "./words.js";

const PATIENCE = 15_000;
const waiting = new Map(); // pressed buttons by the number of their callback query

on("answers", (answers) => answers.forEach(answered));

function answered(answer) {
  waiting.get(answer.id)?.();
  if (answer.text && answer.show_alert)
    dialog({
      title: t("bot.says"),
      fields: [el("p", { text: answer.text })],
      actions: [{ text: t("ok"), primary: true }],
    });
  else if (answer.text) notice(answer.text);
  if (answer.url) emit("follow", answer.url);
}

export function inlineButtons(message) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  return el(
    "div",
    { class: "inline-keyboard" },
    rows.map((row) =>
      el(
        "div",
        { class: "inline-row" },
        row.map((button) => inlineButton(message, button)),
      ),
    ),
  );
}

const MARKS = [
  ["url", "external"],
  ["login_url", "external"],
  ["web_app", "copy"],
  ["copy_text", "copy"],
  ["switch_inline_query", "forward"],
  ["switch_inline_query_current_chat", "forward"],
];

function inlineButton(message, button) {
  const mark = MARKS.find(([kind]) => kind in button)?.[1];
  const style = ["primary", "success", "danger"].includes(button.style) ? `style-${button.style}` : "";
  const node = el(
    "button",
    { type: "button", class: `inline-button ${style}`, title: button.url ?? null },
    el("span", { text: button.text }),
    mark ? icon(mark, "corner") : null,
    button.pay ? icon("star", "corner filled") : null,
  );
  node.addEventListener("click", () => pressInline(message, button, node));
  return node;
}

async function pressInline(message, button, node) {
  if (button.pay) {
    payDialog(message.invoice, { chat: store.chat, message: message.message_id });
    return;
  }
  if (button.copy_text) {
    await copy(button.copy_text.text);
    return;
  }
  if (button.url) {
    await followUrl(message, button);
    return;
  }
  if (!("callback_data" in button)) {
    await pressOther(message, button);
    return;
  }
  node.classList.add("busy");
  const result = await attempt(() =>
    act("press", { chat: store.chat, message: message.message_id, text: button.text, data: button.callback_data }),
  );
  const done = () => {
    node.classList.remove("busy");
    waiting.delete(result?.callback_query_id);
  };
  if (!result) {
    done();
    return;
  }
  waiting.set(result.callback_query_id, done);
  setTimeout(done, PATIENCE);
}

/** Buttons for inline queries put their text into the field; others do nothing here. */
async function pressOther(message, button) {
  const result = await attempt(() =>
    act("press", { chat: store.chat, message: message.message_id, text: button.text }),
  );
  if (result?.inline_query) emit("draft", result.inline_query);
  else if (result) notice(t("button.not_here"));
}

async function followUrl(message, button) {
  if (ownAddress(button.url)) {
    emit("follow", button.url);
    return;
  }
  if (!/^(https?|tg):/i.test(button.url)) {
    notice(t("button.not_here"));
    return;
  }
  dialog({
    title: t("link.open"),
    fields: [el("p", { class: "break", text: button.url })],
    actions: [
      { text: t("cancel") },
      {
        text: t("open"),
        primary: true,
        run: () => {
          window.open(button.url, "_blank", "noopener,noreferrer");
        },
      },
    ],
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
  const button = el(
    "button",
    {
      type: "button",
      class: "inline-button",
      onclick: () => payDialog(message.invoice, { chat: store.chat, message: message.message_id }),
    },
    el("span", { text: t("pay") }),
    icon("star", "corner filled"),
  );
  return el("div", { class: "inline-keyboard" }, el("div", { class: "inline-row" }, button));
}

function placeDialog(press) {
  const [latitude, longitude] = [
    ["latitude", 51.5072],
    ["longitude", -0.1276],
  ].map(([, value]) => el("input", { type: "number", step: "any", value }));
  dialog({
    title: t("share.place"),
    fields: [el("div", { class: "two" }, field(t("latitude"), latitude), field(t("longitude"), longitude))],
    actions: [
      { text: t("cancel") },
      {
        text: t("send"),
        primary: true,
        run: () => press({ location: { latitude: Number(latitude.value), longitude: Number(longitude.value) } }),
      },
    ],
  });
}

function shareDialog(cell, press) {
  const numbers = el("input", { type: "text", inputmode: "numeric" });
  dialog({
    title: cell.text,
    fields: [field(t(cell.request_chat ? "share.chat" : "share.users"), numbers, t("share.hint"))],
    actions: [
      { text: t("cancel") },
      {
        text: t("send"),
        primary: true,
        run: () =>
          press({
            shared: numbers.value
              .split(/[\s,]+/)
              .filter(Boolean)
              .map(Number),
          }),
      },
    ],
  });
}

/** The reply keyboard of a chat in the place for it. */
export class ReplyKeyboard {
  constructor() {
    this.node = el("div", { class: "reply-keyboard", role: "group", "aria-label": t("keyboard"), hidden: true });
    this.toggle = el(
      "button",
      {
        type: "button",
        class: "round",
        "aria-label": t("keyboard"),
        title: t("keyboard"),
        hidden: true,
        onclick: () => this.show(this.node.hidden),
      },
      icon("keyboard"),
    );
    this.markup = null;
  }

  set(markup) {
    const rows = markup?.keyboard ?? null;
    if (JSON.stringify(rows) === JSON.stringify(this.markup?.keyboard ?? null)) return;
    this.markup = markup;
    this.toggle.hidden = !rows;
    fill(
      this.node,
      (rows ?? []).map((row) =>
        el(
          "div",
          { class: "reply-row" },
          row.map((cell) => this._button(cell)),
        ),
      ),
    );
    this.show(Boolean(rows));
  }

  show(visible) {
    this.node.hidden = !visible || !this.markup?.keyboard;
  }

  _button(cell) {
    const text = typeof cell === "string" ? cell : cell.text;
    const style = ["primary", "success", "danger"].includes(cell.style) ? `style-${cell.style}` : "";
    const press = (more = {}) => attempt(() => act("press", { chat: store.chat, text, ...more }));
    const run = () => {
      if (cell.request_location) placeDialog(press);
      else if (cell.request_users || cell.request_chat) shareDialog(cell, press);
      else press();
    };
    return el("button", { type: "button", class: `reply-button ${style}`, text, onclick: run });
  }
}
