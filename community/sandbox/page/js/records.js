// Reading updates and calls: what each is about, and which update a call follows.

import { nameOf } from "./format.js";
import { store } from "./store.js";
import { isService, summary } from "./summary.js";

const LONGEST = 30; // seconds after an update in which a call for its chat counts as its answer
const QUERIES = ["callback_query_id", "pre_checkout_query_id", "shipping_query_id", "inline_query_id"];

const titles = new Map(); // of chats met in updates, by number

const kindOf = (update) => Object.keys(update).find((key) => key !== "update_id") ?? "update";

/** Title, a line of detail and the chat of an entry of the journal; of old updates the body is gone. */
export function about(record) {
  if (!record.update)
    return { title: record.method, detail: paramsLine(record.params), chat: chatName(record.chat_id) };
  const kind = kindOf(record.update);
  const body = record.update[kind] ?? {};
  const message = "message_id" in body ? body : body.message;
  const chat = message?.chat ?? body.chat;
  if (chat) titles.set(String(chat.id), chat.title ?? nameOf(chat));
  return {
    title: kind,
    detail: detailOf(kind, body),
    chat: chat ? (chat.title ?? nameOf(chat)) : body.from ? nameOf(body.from) : null,
  };
}

function detailOf(kind, body) {
  const who = body.from ?? body.user;
  const name = who ? nameOf(who) : "";
  if ("message_id" in body && kind !== "message_reaction")
    return body.text
      ? `${name}: ${body.text}`
      : isService({ ...body, service: true })
        ? summary({ ...body, service: true })
        : `${name}: ${summary(body)}`;
  if (kind === "callback_query") return `${name} → ${body.data ?? ""}`;
  if (body.new_chat_member)
    return `${nameOf(body.new_chat_member.user)}: ${body.old_chat_member.status} → ${body.new_chat_member.status}`;
  if (kind === "message_reaction") return `${name} ${(body.new_reaction ?? []).map((each) => each.emoji).join("")}`;
  return name;
}

function paramsLine(params) {
  const first = params.text ?? params.caption ?? params.question ?? params.title;
  if (first) return first;
  return Object.entries(params)
    .slice(0, 3)
    .map(([key, value]) => `${key}=${value}`)
    .join("  ");
}

function chatName(id) {
  if (!id) return null;
  const known = store.people.get(Number(id)) ?? store.chats.get(Number(id));
  return known ? (known.title ?? nameOf(known)) : (titles.get(id) ?? id);
}

/**
 * For each call the update it most likely answers: by its query's id, else the newest one before it of the same chat,
 * person or request, at most half a minute old. Telegram itself does not know.
 */
export function followed(records) {
  const causes = new Map();
  const latest = new Map();
  let before = null;
  for (const record of records) {
    if (record.kind === "update") {
      for (const key of keysOf(record)) latest.set(key, [record, ...(latest.get(key) ?? []).slice(0, 4)]);
      before = record.number;
      continue;
    }
    const found = keysOfCall(record).map((key) =>
      (latest.get(key) ?? []).find((each) => each.arrived < record.arrived && record.arrived - each.arrived < LONGEST),
    );
    const cause = found.find(Boolean);
    if (cause)
      causes.set(record.number, {
        kind: cause.method,
        id: cause.params.update_id,
        after: record.arrived - cause.arrived,
        next: cause.number === before,
      });
    if (cause?.number !== before) before = null;
  }
  return causes;
}

function keysOf({ update, chat_id, user_id }) {
  if (!update) return [chat_id, user_id].filter(Boolean).map((id) => `chat ${id}`);
  const body = update[kindOf(update)] ?? {};
  const chat = (body.message ?? body).chat;
  const person = "message_id" in body ? null : (body.from ?? body.user);
  return [body.id && `query ${body.id}`, chat && `chat ${chat.id}`, person && `chat ${person.id}`].filter(Boolean);
}

function keysOfCall(call) {
  const query = QUERIES.map((name) => call.params[name]).find(Boolean);
  return [
    query && `query ${query}`,
    call.params.user_id && `chat ${call.params.user_id}`,
    call.chat_id && `chat ${call.chat_id}`,
  ].filter(Boolean);
}
