// What happened in a chat, as a line in the middle.

import { duration, nameOf, price } from "./format.js";
import { t } from "./words.js";

const names = (people) => people.map(nameOf).join(", ");

function who(message) {
  return message.out ? t("you") : nameOf(message.sender_chat ?? message.from ?? {});
}

const TELLERS = {
  new_chat_members: (message, name) => {
    const people = message.new_chat_members;
    const own = people.length === 1 && people[0].id === message.from?.id;
    return own ? t("service.joined", { name }) : t("service.added", { name, people: names(people) });
  },
  left_chat_member: (message, name) => {
    const gone = message.left_chat_member;
    return gone.id === message.from?.id
      ? t("service.left", { name })
      : t("service.removed", { name, people: nameOf(gone) });
  },
  new_chat_title: (message, name) => t("service.title", { name, title: message.new_chat_title }),
  new_chat_photo: (message, name) => t("service.photo", { name }),
  delete_chat_photo: (message, name) => t("service.photo_gone", { name }),
  group_chat_created: (message, name) => t("service.group", { name }),
  supergroup_chat_created: (message, name) => t("service.group", { name }),
  channel_chat_created: () => t("service.channel"),
  migrate_to_chat_id: () => t("service.migrated"),
  migrate_from_chat_id: () => t("service.migrated"),
  pinned_message: (message, name) => t("service.pinned", { name, text: short(message.pinned_message) }),
  successful_payment: (message, name) => {
    const { total_amount: amount, currency, is_recurring: again } = message.successful_payment;
    return t(again ? "service.paid_again" : "service.paid", { name, price: price(amount, currency) });
  },
  refunded_payment: (message) =>
    t("service.refunded", { price: price(message.refunded_payment.total_amount, message.refunded_payment.currency) }),
  forum_topic_created: (message, name) => t("service.topic", { name, title: message.forum_topic_created.name }),
  forum_topic_edited: (message, name) =>
    t("service.topic_edited", { name, title: message.forum_topic_edited.name ?? "" }),
  forum_topic_closed: (message, name) => t("service.topic_closed", { name }),
  forum_topic_reopened: (message, name) => t("service.topic_reopened", { name }),
  general_forum_topic_hidden: (message, name) => t("service.general_hidden", { name }),
  general_forum_topic_unhidden: (message, name) => t("service.general_shown", { name }),
  message_auto_delete_timer_changed: (message, name) =>
    t("service.timer", { name, time: duration(message.message_auto_delete_timer_changed.message_auto_delete_time) }),
  video_chat_started: (message, name) => t("service.video_chat", { name }),
  video_chat_ended: () => t("service.video_chat_ended"),
  write_access_allowed: () => t("service.write_access"),
  users_shared: (message, name) => t("service.shared", { name }),
  chat_shared: (message, name) => t("service.shared", { name }),
  boost_added: (message, name) => t("service.boosted", { name }),
};

function short(message) {
  const text = message?.text ?? message?.caption ?? message?.poll?.question ?? t("kind.message");
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

const PLAIN = new Set([
  "message_id",
  "from",
  "chat",
  "date",
  "out",
  "service",
  "sender_chat",
  "message_thread_id",
  "is_topic_message",
  "reply_to_message",
  "reactions",
  "markup",
  "has_protected_content",
]);

export function serviceText(message) {
  const kind = Object.keys(TELLERS).find((name) => name in message);
  if (kind) return TELLERS[kind](message, who(message));
  const other = Object.keys(message).find((name) => !PLAIN.has(name));
  return other ? `${who(message)}: ${other.replaceAll("_", " ")}` : t("kind.message");
}
