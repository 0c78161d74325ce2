// One message, or one album, as a row of the conversation.

import { album } from "./albums.js";
import { avatar } from "./avatar.js";
import { el } from "./dom.js";
import { richText } from "./entities.js";
import { clockTime, colourOf, fullTime, nameOf } from "./format.js";
import { icon } from "./icons.js";
import { inlineButtons, payButton } from "./keyboard.js";
import { invoiceCard } from "./invoice.js";
import { mediaOf } from "./media.js";
import { messageMenu } from "./message_menu.js";
import { pollCard } from "./poll.js";
import { reactions } from "./reactions.js";
import { serviceText } from "./service.js";
import { emit, store } from "./store.js";
import { authorOf, isService, kindOf, summary } from "./summary.js";
import { t } from "./words.js";

const BARE = new Set(["sticker", "video_note", "dice"]);
const FILLING = new Set(["photo", "video", "animation", "location", "venue"]);

/** `messages`: one, or those of an album. `place`: {first, last, named, faced} says how it stands in its group. */
export function bubbleRow(messages, place) {
  const head = messages[0];
  if (isService(head)) return serviceRow(head);
  const kind = kindOf(head);
  const captioned = messages.filter((message) => message.text || message.caption);
  const words = captioned.length === 1 ? captioned[0] : null;
  const bubble = el("div", { class: bubbleClass(head, kind, words, place) });
  bubble.append(
    ...[
      place.named ? authorLine(head) : null,
      forwarded(head),
      replied(head),
      contents(messages, kind),
      words ? wordsOf(words) : null,
      preview(head),
      reactions(messages[messages.length - 1]),
    ].filter(Boolean),
  );
  const last = bubble.lastElementChild;
  (last?.matches(".words:not(.big), .reactions") && !head.show_caption_above_media ? last : bubble).append(
    meta(messages),
  );
  const keyboard = inlineButtons(head) ?? (head.invoice ? payButton(head) : null);
  const row = el(
    "div",
    {
      class: `row ${head.out ? "out" : "in"} ${place.first ? "first" : ""} ${place.last ? "last" : ""} ${keyboard ? "with-keyboard" : ""}`,
      role: "article",
      tabindex: -1,
      "aria-label": spoken(head),
    },
    place.faced ? face(head, place.last) : null,
    el("div", { class: "bubble-column" }, bubble, keyboard),
  );
  row.dataset.id = messages[messages.length - 1].message_id;
  row.dataset.first = head.message_id;
  listenTo(row, head);
  return row;
}

function spoken(message) {
  return `${message.out ? t("you") : authorOf(message)}: ${summary(message)}, ${clockTime(message.date)}`;
}

function bubbleClass(message, kind, words, place) {
  const classes = ["bubble"];
  if (BARE.has(kind)) classes.push("bare");
  if (FILLING.has(kind)) classes.push("filling", words ? "captioned" : "only-picture");
  if (message.show_caption_above_media) classes.push("caption-above");
  if (message.poll) classes.push("with-poll");
  if (message.invoice) classes.push("with-invoice");
  if (place.last && !BARE.has(kind)) classes.push("tailed");
  return classes.join(" ");
}

function serviceRow(message) {
  const line = el("span", { class: "service", text: serviceText(message) });
  const row = el("div", { class: "row service-row", role: "article", tabindex: -1 }, line);
  row.dataset.id = row.dataset.first = message.message_id;
  if (message.pinned_message) line.addEventListener("click", () => emit("jump", message.pinned_message.message_id));
  listenTo(row, message);
  return row;
}

function face(message, last) {
  const sender = message.sender_chat ?? message.from ?? {};
  if (!last) return el("span", { class: "face" });
  const picture = avatar(sender.id ?? 0, authorOf(message), { size: 34, symbol: null });
  return el(
    "button",
    {
      type: "button",
      class: "face",
      "aria-label": t("profile.of", { name: authorOf(message) }),
      tabindex: -1,
      onclick: () => emit("profile", sender),
    },
    picture,
  );
}

function authorLine(message) {
  const sender = message.sender_chat ?? message.from ?? {};
  const role =
    message.author_signature && message.sender_chat ? message.author_signature : (message.sender_tag ?? null);
  return el(
    "div",
    { class: `author name-${colourOf(sender.id ?? 0)}` },
    el("button", {
      type: "button",
      class: "author-name",
      text: authorOf(message),
      onclick: () => emit("profile", sender),
      tabindex: -1,
    }),
    message.from?.is_bot && !message.sender_chat ? el("span", { class: "author-role", text: t("bot") }) : null,
    role ? el("span", { class: "author-role", text: role }) : null,
  );
}

function forwarded(message) {
  const origin = message.forward_origin;
  if (!origin || message.is_automatic_forward) return null;
  const source = origin.sender_user ?? origin.sender_chat ?? origin.chat;
  const name = source ? nameOf(source) : (origin.sender_user_name ?? "?");
  return el(
    "div",
    { class: "forwarded" },
    el("span", { text: t("forwarded") }),
    el("b", { class: source ? `name-${colourOf(source.id)}` : "", text: name }),
  );
}

function replied(message) {
  const original = message.reply_to_message;
  if (!original || original.forum_topic_created) return null;
  const colour = colourOf((original.sender_chat ?? original.from ?? {}).id ?? 0);
  const text = message.quote?.text ?? summary(original);
  return el(
    "button",
    {
      type: "button",
      class: `reply name-${colour}`,
      "aria-label": t("reply.to", { text: summary(original) }),
      onclick: () => emit("jump", original.message_id),
      tabindex: -1,
    },
    el("b", { text: authorOf(original) }),
    el("span", { text }),
  );
}

function contents(messages, kind) {
  const head = messages[0];
  if (messages.length > 1) return album(messages);
  if (head.poll) return pollCard(head);
  if (head.invoice) return invoiceCard(head);
  if (head.paid_media)
    return el("div", { class: "invoice" }, el("div", { class: "invoice-title", text: t("kind.paid_media") }));
  return kind ? mediaOf(head) : null;
}

function wordsOf(message) {
  const text = message.text ?? message.caption;
  const big = /^(\p{Extended_Pictographic}\uFE0F?){1,3}$/u.test(text) && message.text;
  return el(
    "div",
    { class: `words ${big ? "big" : ""}` },
    richText(text, message.entities ?? message.caption_entities),
  );
}

function preview(message) {
  const options = message.link_preview_options;
  if (!options?.url || options.is_disabled) return null;
  let host;
  try {
    host = new URL(options.url).host;
  } catch {
    return null;
  }
  return el("div", { class: "link-preview" }, el("b", { text: host }), el("span", { text: options.url }));
}

function meta(messages) {
  const last = messages[messages.length - 1];
  const edited = messages.find((message) => message.edit_date);
  return el(
    "span",
    { class: "meta", title: fullTime(last.date) },
    last.effect_id ? icon("star", "effect") : null,
    last.has_protected_content ? el("span", { title: t("protected"), class: "meta-icon" }, icon("lock")) : null,
    store.info?.pins?.some((pin) => messages.some((each) => each.message_id === pin.message_id))
      ? el("span", { class: "meta-icon" }, icon("pin"))
      : null,
    last.author_signature && !last.out && !last.sender_tag && store.info?.kind === "channel"
      ? el("span", { text: last.author_signature })
      : null,
    edited ? el("span", { text: t("edited"), title: fullTime(edited.edit_date) }) : null,
    el("time", { datetime: new Date(last.date * 1000).toISOString(), text: clockTime(last.date) }),
    last.out ? icon("checks") : null,
  );
}

function listenTo(row, message) {
  row.addEventListener("contextmenu", (event) => {
    if (event.target.closest("a, video, audio") || getSelection().toString()) return;
    event.preventDefault();
    messageMenu({ x: event.clientX, y: event.clientY }, message);
  });
  row.addEventListener("dblclick", (event) => {
    if (!event.target.closest("button, a, .words")) emit("reply", message);
  });
  row.addEventListener("keydown", (event) => {
    if (event.target === row) rowKey(event, row, message);
  });
}

function rowKey(event, row, message) {
  if (event.key === "Enter" || event.key === "ContextMenu" || event.key === " ") {
    event.preventDefault();
    const box = row.getBoundingClientRect();
    messageMenu({ x: box.left + 60, y: Math.min(box.top + 30, innerHeight - 200) }, message);
  } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
    event.preventDefault();
    const rows = [...row.closest(".column").querySelectorAll(".row[data-id]")];
    const next = rows[rows.indexOf(row) + (event.key === "ArrowUp" ? -1 : 1)];
    next?.focus();
    next?.scrollIntoView({ block: "nearest" });
  } else if (event.key === "r") emit("reply", message);
}
