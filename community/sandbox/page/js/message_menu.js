// What can be done with a message.

import { act, ask } from "./api.js";
import { avatar } from "./avatar.js";
import { el } from "./dom.js";
import { attempt, closeMenu, confirmed, dialog, menu } from "./floating.js";
import { copy } from "./keyboard.js";
import { react } from "./reactions.js";
import { emit, store } from "./store.js";
import { isService } from "./summary.js";
import { VirtualList } from "./virtual.js";
import { t } from "./words.js";

const REACTIONS = ["👍", "❤", "🔥", "🎉", "😁", "😢", "👎"];

export function messageMenu(at, message) {
  const words = message.text ?? message.caption;
  const administers = ["creator", "administrator"].includes(store.info?.you?.status);
  const pinned = store.info?.pins?.some((pin) => pin.message_id === message.message_id);
  const service = isService(message);
  const items = [
    !service && { text: t("reply"), icon: "reply", run: () => emit("reply", message) },
    words && { text: t("copy.text"), icon: "copy", run: () => copy(words) },
    message.out &&
      !service &&
      words !== undefined &&
      !message.forward_origin && { text: t("edit"), icon: "edit", run: () => emit("edit", message) },
    !service &&
      !message.has_protected_content && { text: t("forward"), icon: "forward", run: () => forwardDialog(message) },
    (administers || store.chat > 0) &&
      !service && { text: t(pinned ? "unpin" : "pin"), icon: "pin", run: () => pin(message, pinned) },
    { text: t("json.show"), icon: "slash", run: () => showJson(message) },
    (message.out || administers || store.chat > 0) && {
      text: t("delete"),
      icon: "trash",
      danger: true,
      run: () => remove(message),
    },
  ].filter(Boolean);
  menu(at, items, service ? null : reactionBar(message));
}

function reactionBar(message) {
  const mine = new Set((message.reactions ?? []).filter((given) => given.mine).map((given) => given.emoji));
  return el(
    "div",
    { class: "reaction-bar", role: "group", "aria-label": t("react") },
    REACTIONS.map((emoji) =>
      el("button", {
        type: "button",
        class: mine.has(emoji) ? "mine" : "",
        text: emoji,
        "aria-label": t("react.with", { emoji }),
        onclick: () => {
          closeMenu();
          react(message, mine.has(emoji) ? "" : emoji);
        },
      }),
    ),
  );
}

const pin = (message, pinned) =>
  attempt(() => act(pinned ? "unpin" : "pin", { chat: store.chat, message: message.message_id }));

async function remove(message) {
  if (!(await confirmed(t("delete.title"), t("delete.sure"), t("delete")))) return;
  await attempt(() => act("delete", { chat: store.chat, message: message.message_id }));
}

/** Choose a chat of one's own to pass a message on into. */
function forwardDialog(message) {
  const from = store.chat;
  const list = new VirtualList({
    label: t("chats.list"),
    rowHeight: 58,
    keyOf: (row) => row.key,
    load: async (offset, limit) => {
      const { chats, total } = await ask("view/chats", { user: store.user.id, offset, limit });
      return { items: chats, total };
    },
    draw: (row) => [
      avatar(row.key, row.title, { size: 42 }),
      el("span", { class: "row-text" }, el("span", { class: "row-title", text: row.title })),
    ],
    choose: async (row) => {
      if (await attempt(() => act("forward", { chat: from, message: message.message_id, to: row.key }))) {
        close();
        emit("open", row.key);
      }
    },
  });
  const close = dialog({ title: t("forward.to"), fields: [el("div", { class: "dialog-list" }, list.node)] });
  list.refresh();
}

function showJson(message) {
  const text = JSON.stringify(message, null, 2);
  dialog({
    title: t("json.title", { id: message.message_id }),
    wide: true,
    fields: [el("pre", { class: "json", tabindex: 0, text })],
    actions: [
      {
        text: t("copy.text"),
        run: () => {
          copy(text);
          return false;
        },
      },
      { text: t("close"), primary: true },
    ],
  });
}
