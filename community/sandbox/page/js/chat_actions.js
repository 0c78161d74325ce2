// What can be done with a chat as a whole: its menu, leaving, and what stands where one may not write.

import { act } from "./api.js";
import { el } from "./dom.js";
import { attempt, confirmed } from "./floating.js";
import { icon } from "./icons.js";
import { chatProfile } from "./profile.js";
import { emit, store } from "./store.js";
import { t } from "./words.js";

/** What stands instead of the field to write in; null when one may write. */
export function bottomBar(info) {
  if (store.user.deactivated) return el("p", { class: "bar-note", text: t("people.gone") });
  if (info.kind === "private") {
    if (info.blocked) return bar(t("unblock"), "block", () => act("unblock", { bot: info.key }));
    if (!info.begun) return bar(t("start"), "play", () => act("start", { bot: info.key }));
    return null;
  }
  if (info.requested) return el("p", { class: "bar-note", text: t("join.requested") });
  if (!info.inside) {
    if (info.you.status === "kicked") return el("p", { class: "bar-note", text: t("join.banned") });
    return info.username
      ? bar(t(info.kind === "channel" ? "join.channel" : "join.group"), "into", () => act("join", { chat: info.key }))
      : el("p", { class: "bar-note", text: t("join.outside") });
  }
  const topic = info.topics?.find((each) => each.id === store.thread);
  if (topic?.closed && !["creator", "administrator"].includes(info.you.status))
    return el("p", { class: "bar-note", text: t("topics.closed") });
  if (!info.may_write)
    return el("p", { class: "bar-note", text: t(info.kind === "channel" ? "write.channel" : "write.not") });
  return null;
}

function bar(text, symbol, work) {
  const button = el("button", { type: "button", class: "bar-button" }, icon(symbol), el("span", { text }));
  button.addEventListener("click", async () => {
    button.disabled = true;
    await attempt(work);
    button.disabled = false;
    emit("about");
  });
  return button;
}

export function chatMenu(info) {
  if (info.kind === "private")
    return [
      { text: t("profile.about"), icon: "info", run: () => chatProfile() },
      { text: t("start.payload"), icon: "play", run: () => emit("payload", info) },
      { text: t("botview"), icon: "bot", run: () => emit("watch", info.key) },
      {
        text: t(info.blocked ? "unblock" : "block"),
        icon: "block",
        danger: !info.blocked,
        run: () => attempt(() => act(info.blocked ? "unblock" : "block", { bot: info.key })),
      },
    ];
  return [
    { text: t("profile.about"), icon: "info", run: () => chatProfile() },
    info.inside && {
      text: t(info.kind === "channel" ? "leave.channel" : "leave.group"),
      icon: "leave",
      danger: true,
      run: () => leave(info),
    },
  ].filter(Boolean);
}

export async function leave(info) {
  if (
    !(await confirmed(
      t(info.kind === "channel" ? "leave.channel" : "leave.group"),
      t("leave.sure", { title: info.title }),
      t("leave"),
    ))
  )
    return;
  if (await attempt(() => act("leave", { chat: info.key }))) emit("left", info.key);
}
