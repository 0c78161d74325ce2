// Text with its entities as elements. Offsets are UTF-16 units, as JavaScript counts.

import { el } from "./dom.js";
import { emit } from "./store.js";
import { t } from "./words.js";

const TAGS = {
  bold: "strong",
  italic: "em",
  underline: "u",
  strikethrough: "s",
  code: "code",
  blockquote: "blockquote",
  expandable_blockquote: "blockquote",
};
const SAFE = /^(https?|tg|mailto|tel|ton):/i;

export function richText(text, entities = []) {
  const sorted = [...entities].sort((one, other) => one.offset - other.offset || other.length - one.length);
  return within(text, 0, text.length, sorted);
}

function within(text, from, to, entities) {
  const nodes = [];
  let at = from;
  for (let index = 0; index < entities.length; index += 1) {
    const entity = entities[index];
    const start = Math.max(entity.offset, at);
    const end = Math.min(entity.offset + entity.length, to);
    if (end <= start) continue;
    if (start > at) nodes.push(text.slice(at, start));
    const inner = [];
    while (index + 1 < entities.length && entities[index + 1].offset < end) inner.push(entities[(index += 1)]);
    nodes.push(wrapped(entity, text.slice(start, end), within(text, start, end, inner)));
    at = end;
  }
  if (at < to) nodes.push(text.slice(at, to));
  return nodes;
}

function wrapped(entity, plain, inner) {
  switch (entity.type) {
    case "pre":
      return el("pre", entity.language ? { "data-language": entity.language } : {}, el("code", {}, inner));
    case "spoiler":
      return spoiler(inner);
    case "text_link":
      return link(entity.url, inner);
    case "url":
      return link(/^[a-z]+:/i.test(plain) ? plain : `https://${plain}`, inner);
    case "email":
      return link(`mailto:${plain}`, inner);
    case "phone_number":
      return link(`tel:${plain}`, inner);
    case "mention":
      return link(`https://t.me/${plain.slice(1)}`, inner);
    case "text_mention":
      return el("button", { type: "button", class: "as-link", onclick: () => emit("profile", entity.user) }, inner);
    case "bot_command":
      return el("button", { type: "button", class: "as-link", onclick: () => emit("write", plain) }, inner);
    case "hashtag":
    case "cashtag":
      return el("span", { class: "as-link" }, inner);
    case "expandable_blockquote":
      return quote(inner);
    case "custom_emoji":
      return el("span", { class: "custom-emoji" }, inner);
    default:
      return el(TAGS[entity.type] ?? "span", {}, inner);
  }
}

function spoiler(inner) {
  const node = el(
    "span",
    { class: "spoiler", role: "button", tabindex: 0, "aria-label": t("spoiler") },
    el("span", {}, inner),
  );
  const show = (event) => {
    if (node.classList.contains("shown")) return;
    event.preventDefault();
    event.stopPropagation();
    node.classList.add("shown");
    node.removeAttribute("role");
    node.removeAttribute("aria-label");
  };
  node.addEventListener("click", show, true);
  node.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") show(event);
  });
  return node;
}

function quote(inner) {
  const node = el("blockquote", { class: "folded" }, inner);
  node.addEventListener("click", () => node.classList.toggle("folded"));
  return node;
}

/** A link; those into this Telegram are followed here. */
export function link(url, inner) {
  if (!SAFE.test(url)) return el("span", {}, inner);
  const node = el("a", { href: url, target: "_blank", rel: "noopener noreferrer", title: url }, inner);
  if (ownAddress(url)) {
    node.addEventListener("click", (event) => {
      event.preventDefault();
      event.stopPropagation();
      emit("follow", url);
    });
  }
  return node;
}

export const ownAddress = (url) => /^(https?:\/\/)?(t|telegram)\.me\//i.test(url) || /^tg:/i.test(url);
