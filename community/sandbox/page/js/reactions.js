// Reactions below a message, with the faces of the first few who gave them.

import { act } from "./api.js";
import { avatar } from "./avatar.js";
import { el } from "./dom.js";
import { attempt } from "./floating.js";
import { nameOf } from "./format.js";
import { store } from "./store.js";
import { t } from "./words.js";

export const react = (message, emoji) =>
  attempt(() => act("react", { chat: store.chat, message: message.message_id, emoji }));

export function reactions(message) {
  if (!message.reactions?.length) return null;
  return el(
    "div",
    { class: "reactions" },
    message.reactions.map((given) =>
      el(
        "button",
        {
          type: "button",
          class: `reaction ${given.mine ? "mine" : ""}`,
          "aria-pressed": String(given.mine),
          "aria-label": t("reaction", { emoji: given.emoji, count: given.count }),
          onclick: () => react(message, given.mine ? "" : given.emoji),
        },
        el("span", { text: given.emoji }),
        given.count <= 3
          ? el(
              "span",
              { class: "reaction-faces" },
              given.by.map((id) => smallFace(id)),
            )
          : el("span", { text: given.count }),
      ),
    ),
  );
}

function smallFace(id) {
  const person = store.people.get(id);
  return avatar(id, person ? nameOf(person) : "?", { size: 20 });
}
