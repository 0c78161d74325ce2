// Which messages stand together: albums, and bubbles of one sender.

import { sameDay } from "./format.js";
import { isService } from "./summary.js";

const TOGETHER = 300; // seconds

/** Whether two messages that follow each other stand as a group. */
export function together(one, other) {
  if (!one || !other || isService(one) || isService(other)) return false;
  const sender = (message) => (message.sender_chat ?? message.from ?? {}).id;
  return (
    sender(one) === sender(other) &&
    one.out === other.out &&
    Math.abs(other.date - one.date) < TOGETHER &&
    sameDay(one.date, other.date) &&
    !one.reply_markup?.inline_keyboard
  );
}

/** Messages of one album side by side in one list. */
export function albums(messages) {
  const groups = [];
  for (const message of messages) {
    const group = groups.at(-1);
    if (message.media_group_id && group?.[0].media_group_id === message.media_group_id) group.push(message);
    else groups.push([message]);
  }
  return groups;
}
