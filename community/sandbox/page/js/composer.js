// Where one writes: text, replies, edits, files, commands, and the bot's keyboard.

import { act } from "./api.js";
import { chooseFiles, offerFiles } from "./attach.js";
import { el, fill } from "./dom.js";
import { attempt } from "./floating.js";
import { icon } from "./icons.js";
import { ReplyKeyboard } from "./keyboard.js";
import { emit, on, store } from "./store.js";
import { authorOf, summary } from "./summary.js";
import { t } from "./words.js";

const TALLEST = 240;

export class Composer {
  constructor() {
    this.keyboard = new ReplyKeyboard();
    this.about = el("div", { class: "composer-about", hidden: true });
    this.hints = el("div", { class: "command-hints", role: "listbox", "aria-label": t("commands"), hidden: true });
    this.field = el("textarea", {
      rows: 1,
      placeholder: t("message"),
      "aria-label": t("message"),
      maxlength: 4096,
      enterkeyhint: "send",
    });
    this.commands = el(
      "button",
      { type: "button", class: "commands-button", "aria-label": t("commands"), onclick: () => this._hint("/") },
      icon("menu"),
      el("span", { text: t("menu") }),
    );
    const attach = el(
      "button",
      {
        type: "button",
        class: "round",
        "aria-label": t("attach"),
        title: t("attach"),
        onclick: () => chooseFiles(this._target()),
      },
      icon("attach"),
    );
    this.anonymous = el(
      "button",
      {
        type: "button",
        class: "round",
        "aria-pressed": "false",
        "aria-label": t("anonymous"),
        title: t("anonymous"),
        hidden: true,
        onclick: () => this._toggleAnonymous(),
      },
      icon("shield"),
    );
    this.send = el(
      "button",
      { type: "button", class: "send", "aria-label": t("send"), title: t("send"), onclick: () => this.submit() },
      icon("send"),
    );
    const line = el(
      "div",
      { class: "composer-line" },
      this.commands,
      this.field,
      this.keyboard.toggle,
      this.anonymous,
      attach,
    );
    this.node = el(
      "div",
      { class: "composer" },
      this.hints,
      el("div", { class: "composer-row" }, el("div", { class: "composer-box" }, this.about, line), this.send),
      this.keyboard.node,
    );
    this._listen();
    this.reset();
  }

  _listen() {
    this.field.addEventListener("input", () => {
      this._grow();
      this._suggest();
    });
    this.field.addEventListener("keydown", (event) => this._key(event));
    this.field.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) {
        event.preventDefault();
        offerFiles(files, this._target());
      }
    });
    on("reply", (message) => this.about_(message, "reply"));
    on("edit", (message) => {
      this.about_(message, "edit");
      this.field.value = message.text ?? message.caption ?? "";
      this._grow();
    });
    on("draft", (text) => {
      this.field.value = text;
      this._grow();
      this.field.focus();
    });
    on("write", (text) => {
      if (this.node.isConnected) attempt(() => act("say", this._target({ text })));
    });
  }

  reset() {
    this.replying = this.editing = null;
    this.about.hidden = true;
    this.hints.hidden = true;
    this.field.value = "";
    this._grow();
    if (matchMedia("(pointer: fine)").matches && this.node.isConnected && document.activeElement === document.body)
      this.field.focus({ preventScroll: true });
  }

  setChat(info) {
    this.keyboard.set(info.keyboard?.keyboard ? info.keyboard : null);
    this.field.placeholder =
      info.keyboard?.input_field_placeholder || t(info.kind === "channel" ? "message.channel" : "message");
    this.list = info.commands ?? [];
    this.commands.hidden = !this.list.length || info.kind !== "private";
    this.anonymous.hidden = !["creator", "administrator"].includes(info.you?.status) || info.kind === "channel";
  }

  _toggleAnonymous() {
    const on_ = this.anonymous.getAttribute("aria-pressed") !== "true";
    this.anonymous.setAttribute("aria-pressed", String(on_));
  }

  about_(message, kind) {
    this.replying = kind === "reply" ? message : null;
    this.editing = kind === "edit" ? message : null;
    this.about.hidden = false;
    fill(
      this.about,
      icon(kind),
      el(
        "span",
        { class: "row-text" },
        el("b", { text: kind === "edit" ? t("editing") : t("replying", { name: authorOf(message) }) }),
        el("span", { text: summary(message) }),
      ),
      el(
        "button",
        { type: "button", class: "round", "aria-label": t("cancel"), onclick: () => this._drop() },
        icon("close"),
      ),
    );
    this.field.focus();
  }

  _drop() {
    if (this.editing) this.field.value = "";
    this.replying = this.editing = null;
    this.about.hidden = true;
    this._grow();
  }

  _grow() {
    this.field.style.height = "auto";
    this.field.style.height = `${Math.min(this.field.scrollHeight, TALLEST)}px`;
    this.node.classList.toggle("written", Boolean(this.field.value.trim()));
  }

  /** What goes with whatever is sent from here. */
  _target(more = {}) {
    return {
      chat: store.chat,
      ...(store.thread && store.thread !== 1 ? { thread: store.thread } : {}),
      ...(this.replying ? { reply_to: this.replying.message_id } : {}),
      ...(!this.anonymous.hidden && this.anonymous.getAttribute("aria-pressed") === "true" ? { anonymous: true } : {}),
      ...more,
    };
  }

  async submit() {
    const text = this.field.value.trim();
    if (!text) return;
    const { editing } = this;
    const target = this._target({ text });
    this.field.value = "";
    this._drop();
    this.hints.hidden = true;
    const sent = await attempt(() =>
      editing ? act("edit", { chat: store.chat, message: editing.message_id, text }) : act("say", target),
    );
    if (!sent && !this.field.value) {
      this.field.value = text;
      this._grow();
    }
  }

  _key(event) {
    if (event.isComposing) return;
    if (!this.hints.hidden && this._hintKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "Escape" && (this.replying || this.editing)) {
      event.stopPropagation();
      this._drop();
    } else if (event.key === "ArrowUp" && !this.field.value) emit("edit.last");
  }

  _suggest() {
    const word = /^\/([a-z0-9_]*)$/i.exec(this.field.value);
    if (word) this._hint(word[0]);
    else this.hints.hidden = true;
  }

  _hint(start) {
    if (start === "/" && !this.hints.hidden && !this.field.value) {
      this.hints.hidden = true;
      return;
    }
    const found = (this.list ?? []).filter((command) => `/${command.command}`.startsWith(start.toLowerCase()));
    this.hints.hidden = !found.length;
    fill(
      this.hints,
      found.map((command, index) => {
        const text = `/${command.command}${command.bot && store.info.bots?.length > 1 ? `@${command.bot}` : ""}`;
        return el(
          "button",
          {
            type: "button",
            role: "option",
            "aria-selected": String(index === 0),
            tabindex: -1,
            onclick: () => this._command(text),
          },
          el("b", { text }),
          el("span", { text: command.description }),
        );
      }),
    );
  }

  _hintKey(event) {
    const options = [...this.hints.children];
    const at = options.findIndex((each) => each.getAttribute("aria-selected") === "true");
    const select = (index) =>
      options.forEach((each, other) =>
        each.setAttribute("aria-selected", String(other === (index + options.length) % options.length)),
      );
    if (event.key === "ArrowDown") select(at + 1);
    else if (event.key === "ArrowUp") select(at - 1);
    else if (event.key === "Enter" || event.key === "Tab") options[at]?.click();
    else if (event.key === "Escape") {
      event.stopPropagation();
      this.hints.hidden = true;
    } else return false;
    event.preventDefault();
    return true;
  }

  async _command(text) {
    this.hints.hidden = true;
    this.field.value = "";
    this._grow();
    await attempt(() => act("say", this._target({ text })));
    this.field.focus();
  }
}
