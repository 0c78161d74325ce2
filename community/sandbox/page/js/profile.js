// What there is to know about a chat or a person, in the right column.

import { act } from "./api.js";
import { avatar } from "./avatar.js";
import { leave } from "./chat_actions.js";
import { el } from "./dom.js";
import { attempt } from "./floating.js";
import { fullTime, nameOf, number } from "./format.js";
import { icon } from "./icons.js";
import { copy } from "./keyboard.js";
import { memberList } from "./members.js";
import { closeSide, openSide, section, sideShows } from "./side.js";
import { emit, on, store } from "./store.js";
import { t } from "./words.js";

on("profile", (person) => (person.type || person.id < 0 ? chatProfile() : profileOf(person)));
on("info", () => {
  if (sideShows("chat")) chatProfile();
});
on("place", () => {
  if (sideShows("chat") || sideShows("person")) closeSide();
});

const card = (id, name, about) =>
  el(
    "div",
    { class: "profile-card" },
    avatar(id, name, { size: 96 }),
    el("strong", { text: name }),
    el("span", { text: about }),
  );

const line = (symbol, value, label, run = null) =>
  el(
    run ? "button" : "div",
    { class: "fact", type: run ? "button" : null, onclick: run },
    icon(symbol),
    el(
      "span",
      { class: "row-text" },
      el("span", { class: "fact-value", text: value }),
      el("span", { class: "row-sub", text: label }),
    ),
  );

const action = (symbol, text, run, danger = false) =>
  el(
    "button",
    { type: "button", class: `fact action ${danger ? "danger" : ""}`, onclick: run },
    icon(symbol),
    el("span", { text }),
  );

export function profileOf(person) {
  if (!person?.id) return;
  const known = store.people.get(person.id) ?? person;
  const name = nameOf(known);
  openSide(
    "person",
    t("profile"),
    card(known.id, name, known.deactivated ? t("people.gone") : known.is_bot ? t("bot") : t("user")),
    section(
      null,
      known.username ? line("user", `@${known.username}`, t("username"), () => copy(`@${known.username}`)) : null,
      line("info", String(known.id), t("number"), () => copy(String(known.id))),
      known.stars === undefined ? null : line("star", t("stars", { count: number(known.stars) }), t("stars.balance")),
      known.language_code ? line("language", known.language_code, t("language_code")) : null,
    ),
    section(
      null,
      known.is_bot
        ? action("bot", t("botview"), () => emit("watch", known.id))
        : known.id === store.user?.id
          ? null
          : action("user", t("profile.play", { name }), () => emit("play", known.id)),
      known.id === store.user?.id && !known.deactivated
        ? action("trash", t("profile.delete"), () => attempt(() => act("delete_account")), true)
        : null,
    ),
  );
}

export function chatProfile() {
  const { info } = store;
  if (!info) return;
  if (info.kind === "private") privateProfile(info);
  else groupProfile(info);
}

function privateProfile(info) {
  openSide(
    "chat",
    t("profile.bot"),
    card(info.key, info.title, t("bot")),
    section(
      null,
      line("user", `@${info.username}`, t("username"), () => copy(`@${info.username}`)),
      line("info", String(info.key), t("number"), () => copy(String(info.key))),
      line(
        info.blocked ? "block" : info.opened ? "check" : "alert",
        t(info.blocked ? "state.blocked" : info.opened ? "state.opened" : "state.not_opened"),
        t("state"),
      ),
    ),
    info.commands?.length
      ? section(
          t("commands"),
          info.commands.map((command) =>
            el(
              "div",
              { class: "command" },
              el("code", { text: `/${command.command}` }),
              el("span", { text: command.description }),
            ),
          ),
        )
      : null,
    info.refusals?.length
      ? section(
          t("undelivered.title"),
          info.refusals
            .slice()
            .reverse()
            .map((refusal) =>
              el(
                "div",
                { class: "refusal" },
                icon("alert"),
                el(
                  "span",
                  { class: "row-text" },
                  el("span", { text: refusal.text || refusal.method }),
                  el("span", {
                    class: "row-sub",
                    text: `${t.known(`undelivered.${refusal.reason}`) ?? refusal.description} · ${fullTime(refusal.date)}`,
                  }),
                ),
              ),
            ),
        )
      : null,
    section(
      null,
      action("bot", t("botview"), () => emit("watch", info.key)),
      action("play", t("start.payload"), () => emit("payload", info)),
      action(
        "block",
        t(info.blocked ? "unblock" : "block"),
        () => attempt(() => act(info.blocked ? "unblock" : "block", { bot: info.key })),
        !info.blocked,
      ),
    ),
  );
}

function groupProfile(info) {
  const kind = info.kind === "channel" ? "subscribers" : "members";
  openSide(
    "chat",
    t(info.kind === "channel" ? "profile.channel" : "profile.group"),
    card(info.key, info.title, t(kind, { count: number(info.count) })),
    section(
      null,
      info.description ? line("info", info.description, t("description")) : null,
      info.username
        ? line("link", `@${info.username}`, t("username"), () => copy(`https://t.me/${info.username}`))
        : null,
      line("info", String(info.key), t(`kind_of.${info.kind}`), () => copy(String(info.key))),
      line("user", t(`status.${info.you.status}`), t("status.yours")),
    ),
    requests(info),
    links(info),
    section(t(kind, { count: number(info.count) }), memberList(info)),
    section(
      null,
      info.inside
        ? action("leave", t(info.kind === "channel" ? "leave.channel" : "leave.group"), () => leave(info), true)
        : null,
      info.kind === "group"
        ? action("up", t("migrate"), () =>
            attempt(async () => {
              const made = await act("migrate", { chat: info.key });
              emit("open", made.chat_id);
            }),
          )
        : null,
    ),
  );
}

const ANSWERS = [
  ["check", "requests.approve", true],
  ["close", "requests.decline", false],
];

const answer = (info, user, approve) =>
  attempt(() => act("answer_request", { chat: info.key, member: user.id, approve }));

function requests(info) {
  if (!info.requests.length) return null;
  return section(
    t("requests", { count: info.requests.length }),
    info.requests.map(({ user, date }) =>
      el(
        "div",
        { class: "request" },
        avatar(user.id, nameOf(user), { size: 36 }),
        el(
          "span",
          { class: "row-text" },
          el("span", { class: "row-title", text: nameOf(user) }),
          el("span", { class: "row-sub", text: t("requests.waiting", { time: fullTime(date) }) }),
        ),
        ...ANSWERS.map(([symbol, words, approve]) =>
          el(
            "button",
            {
              type: "button",
              class: "round",
              "aria-label": t(words, { name: nameOf(user) }),
              title: t(words, { name: nameOf(user) }),
              onclick: () => answer(info, user, approve),
            },
            icon(symbol),
          ),
        ),
      ),
    ),
  );
}

function links(info) {
  const open = info.links.filter((link) => !link.is_revoked);
  if (!open.length) return null;
  return section(
    t("links"),
    open
      .slice(-30)
      .reverse()
      .map((link) => {
        const about = [
          link.name,
          link.creates_join_request ? t("join.asks") : null,
          t("links.joined", { count: link.joined }),
          link.pending ? t("links.pending", { count: link.pending }) : null,
          link.member_limit ? t("links.limit", { count: link.member_limit }) : null,
          link.expire_date ? t("links.until", { time: fullTime(link.expire_date) }) : null,
        ];
        return line("link", link.invite_link.replace("https://", ""), about.filter(Boolean).join(" · "), () =>
          copy(link.invite_link),
        );
      }),
  );
}
