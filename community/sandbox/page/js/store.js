// What the page shows now, and who wants to hear of changes.

export const store = {
  user: null, // the person played
  chat: null, // key of the open chat: a bot's number, or a group's
  thread: null, // the open topic
  bot: null, // number of the bot looked at
  chats: new Map(), // rows of the list by key
  people: new Map(), // everybody met so far, by number
};

const listeners = new Map();

export function on(event, listener) {
  if (!listeners.has(event)) listeners.set(event, []);
  listeners.get(event).push(listener);
}

export function emit(event, detail) {
  for (const listener of listeners.get(event) ?? []) listener(detail);
}

export function meet(person) {
  if (person?.id) store.people.set(person.id, person);
  return person;
}

/** Where the page is, as the part of the address after `#`: several windows can show several people. */
export function place() {
  if (store.bot) return `#/bot/${store.bot}`;
  if (!store.user) return "#/";
  const chat = store.chat ? `/${store.chat}` : "";
  return `#/${store.user.id}${chat}${store.thread ? `/${store.thread}` : ""}`;
}

export function readPlace(hash) {
  const parts = hash.replace(/^#\/?/, "").split("/");
  if (parts[0] === "bot") return { bot: Number(parts[1]) || null };
  const [user, chat, thread] = parts.map((part) => Number(part) || null);
  return { user, chat, thread };
}
