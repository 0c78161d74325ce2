// A message in one line: for lists, replies, pins and notices.

import { nameOf, price } from "./format.js";
import { serviceText } from "./service.js";
import { t } from "./words.js";

const KINDS = [
  "photo",
  "video",
  "animation",
  "voice",
  "audio",
  "video_note",
  "sticker",
  "document",
  "location",
  "venue",
  "contact",
  "dice",
  "story",
];

export function summary(message) {
  if (!message) return "";
  if (message.service && isService(message)) return serviceText(message);
  const words = message.text ?? message.caption;
  const kind = kindOf(message);
  if (kind === "document" && !words) return message.document.file_name ?? t("kind.document");
  if (kind)
    return words ? `${t(`kind.${kind}`)}, ${words}` : message.media_group_id ? t("kind.album") : t(`kind.${kind}`);
  if (message.poll) return `${t("kind.poll")}: ${message.poll.question}`;
  if (message.checklist) return message.checklist.title;
  if (message.invoice)
    return `${t("kind.invoice")}: ${message.invoice.title} · ${price(message.invoice.total_amount, message.invoice.currency)}`;
  if (message.paid_media) return t("kind.paid_media");
  return words ?? t("kind.message");
}

export const kindOf = (message) => KINDS.find((kind) => kind in message) ?? null;

/** Polls, invoices and the like carry no text, yet are drawn as bubbles. */
export function isService(message) {
  return (
    Boolean(message.service) &&
    !kindOf(message) &&
    !message.poll &&
    !message.invoice &&
    !message.paid_media &&
    !message.checklist &&
    !message.text &&
    !message.giveaway
  );
}

export const authorOf = (message) =>
  message.sender_chat ? (message.sender_chat.title ?? nameOf(message.sender_chat)) : nameOf(message.from ?? {});
