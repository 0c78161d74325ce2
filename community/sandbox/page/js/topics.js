// The topics of a forum as a list.

import { act } from "./api.js";
import { el } from "./dom.js";
import { attempt, dialog, field, menu } from "./floating.js";
import { initials, listTime } from "./format.js";
import { icon } from "./icons.js";
import { emit, store } from "./store.js";
import { t } from "./words.js";

const GENERAL = 1;

export function topicsPane(info, openThread) {
  const administers = ["creator", "administrator"].includes(info.you.status);
  const general = info.topics.some((topic) => topic.id === GENERAL)
    ? []
    : [{ id: GENERAL, name: t("topics.general"), date: 0, text: "" }];
  const topics = [...info.topics, ...general]
    .filter((topic) => !topic.hidden)
    .sort((one, other) => other.date - one.date);
  return el(
    "div",
    { class: "topic-list", role: "list", "aria-label": t("topics") },
    topics.map((topic) => row(topic, openThread, administers)),
    administers
      ? el(
          "button",
          { type: "button", class: "topic new", onclick: () => topicDialog() },
          el("span", { class: "topic-mark" }, icon("plus")),
          el("span", { text: t("topics.new") }),
        )
      : null,
  );
}

function row(topic, openThread, administers) {
  const colour = topic.icon_color ? `#${topic.icon_color.toString(16).padStart(6, "0")}` : null;
  const mark = el(
    "span",
    { class: "topic-mark", "aria-hidden": "true", style: colour ? { "--topic": colour } : {} },
    topic.id === GENERAL ? "#" : initials(topic.name).slice(0, 1),
  );
  const button = el(
    "button",
    { type: "button", class: "topic", onclick: () => openThread(topic.id) },
    mark,
    el(
      "span",
      { class: "row-text" },
      el(
        "span",
        { class: "row-line" },
        el("span", { class: "row-title", text: topic.name }),
        topic.closed ? icon("lock", "kind") : null,
        el("time", { class: "row-time", text: listTime(topic.date) }),
      ),
      el("span", { class: "row-sub", text: topic.text || t("topics.empty") }),
    ),
  );
  if (administers)
    button.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      topicMenu({ x: event.clientX, y: event.clientY }, topic);
    });
  return el("div", { role: "listitem" }, button);
}

function topicMenu(at, topic) {
  const gesture = (name, more = {}) =>
    attempt(() => act(name, { chat: store.chat, thread: topic.id, ...more })).then(() => emit("about"));
  menu(
    at,
    [
      { text: t("edit"), icon: "edit", run: () => topicDialog(topic) },
      topic.closed
        ? { text: t("topics.reopen"), icon: "lock", run: () => gesture("reopen_topic") }
        : { text: t("topics.close"), icon: "lock", run: () => gesture("close_topic") },
      topic.id !== GENERAL && { text: t("delete"), icon: "trash", danger: true, run: () => gesture("delete_topic") },
    ].filter(Boolean),
  );
}

function topicDialog(topic = null) {
  const name = el("input", { type: "text", maxlength: 128, value: topic?.name ?? "" });
  dialog({
    title: t(topic ? "topics.edit" : "topics.new"),
    fields: [field(t("name"), name)],
    actions: [
      { text: t("cancel") },
      {
        text: t("save"),
        primary: true,
        run: async () => {
          const done = await attempt(() =>
            topic
              ? act("edit_topic", { chat: store.chat, thread: topic.id, name: name.value })
              : act("create_topic", { chat: store.chat, name: name.value }),
          );
          if (done) emit("about");
          return Boolean(done);
        },
      },
    ],
  });
}
