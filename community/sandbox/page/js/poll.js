// Polls and quizzes: to vote in, and with bars once voted or closed.

import { act } from "./api.js";
import { el, svg } from "./dom.js";
import { richText } from "./entities.js";
import { attempt } from "./floating.js";
import { icon } from "./icons.js";
import { store } from "./store.js";
import { t } from "./words.js";

export function pollCard(message) {
  const { poll } = message;
  const voted = message.voted ?? null;
  const results = voted !== null || poll.is_closed;
  const chosen = new Set();
  const submit = el("button", {
    type: "button",
    class: "poll-submit",
    disabled: true,
    text: t("poll.vote"),
    onclick: () => vote(message, [...chosen]),
  });
  const options = poll.options.map((option, index) =>
    results ? resultLine(message, option, index) : choice(message, option, index, chosen, submit),
  );
  return el(
    "div",
    { class: "poll" },
    el("div", { class: "poll-question" }, richText(poll.question, poll.question_entities)),
    el("div", { class: "poll-kind" }, el("span", { text: kindWords(poll) }), timer(poll)),
    el("div", { class: "poll-options", role: results ? "list" : "group", "aria-label": poll.question }, options),
    results && poll.explanation
      ? el(
          "div",
          { class: "poll-explanation" },
          icon("info"),
          el("span", {}, richText(poll.explanation, poll.explanation_entities)),
        )
      : null,
    el(
      "div",
      { class: "poll-foot" },
      !results && poll.allows_multiple_answers ? submit : el("span", { text: footWords(poll) }),
      voted !== null && !poll.is_closed && poll.type !== "quiz" && poll.allows_revoting !== false
        ? el("button", { type: "button", class: "as-link", text: t("poll.retract"), onclick: () => vote(message, []) })
        : null,
    ),
  );
}

function kindWords(poll) {
  if (poll.is_closed) return t("poll.closed");
  const named = poll.is_anonymous === false ? "public" : "anonymous";
  return t(`poll.${poll.type === "quiz" ? "quiz" : "poll"}_${named}`);
}

function footWords(poll) {
  const count = poll.total_voter_count ?? 0;
  return count ? t(poll.type === "quiz" ? "poll.answers" : "poll.votes", { count }) : t("poll.no_votes");
}

function timer(poll) {
  return poll.open_period && !poll.is_closed
    ? el("span", { class: "poll-timer" }, icon("clock"), el("span", { text: `${poll.open_period} s` }))
    : null;
}

function choice(message, option, index, chosen, submit) {
  const many = message.poll.allows_multiple_answers;
  const button = el(
    "button",
    {
      type: "button",
      class: `poll-choice ${many ? "many" : ""}`,
      role: many ? "checkbox" : null,
      "aria-checked": many ? "false" : null,
    },
    el("span", { class: "poll-mark" }, many ? icon("check") : null),
    el("span", { class: "poll-text" }, richText(option.text, option.text_entities)),
  );
  button.addEventListener("click", () => {
    if (!many) {
      vote(message, [index]);
      return;
    }
    if (!chosen.delete(index)) chosen.add(index);
    button.setAttribute("aria-checked", String(chosen.has(index)));
    submit.disabled = !chosen.size;
  });
  return button;
}

function resultLine(message, option, index) {
  const { poll, voted } = message;
  const share = poll.total_voter_count ? Math.round((option.voter_count / poll.total_voter_count) * 100) : 0;
  const right = poll.correct_option_ids?.includes(index) ?? poll.correct_option_id === index;
  const mine = voted?.includes(index) ?? false;
  const quiz = poll.type === "quiz";
  const state = quiz && (mine || right) ? (right ? "right" : "wrong") : mine ? "mine" : "";
  const bar = svg(
    "svg",
    { class: "poll-bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { width: Math.max(share, 1.5), height: 4, rx: 2 }),
  );
  return el(
    "div",
    {
      class: `poll-result ${state}`,
      role: "listitem",
      "aria-label": `${option.text}: ${share} %${mine ? `, ${t("poll.mine")}` : ""}`,
    },
    el("span", { class: "poll-share", text: `${share}%` }),
    el(
      "span",
      { class: "poll-text" },
      richText(option.text, option.text_entities),
      el("span", { class: "poll-count", text: option.voter_count || "" }),
    ),
    el("span", { class: "poll-mark" }, mine || (quiz && right) ? icon(state === "wrong" ? "close" : "check") : null),
    bar,
  );
}

function vote(message, options) {
  return attempt(() => act("vote", { chat: store.chat, message: message.message_id, options }));
}
