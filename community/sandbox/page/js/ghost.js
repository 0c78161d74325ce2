// Messages that a bot could not deliver.

import { el } from "./dom.js";
import { richText } from "./entities.js";
import { clockTime } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./words.js";

/** A message the bot could not deliver: only a ghost of it, with the reason. */
export function ghostRow(refusal) {
  const reason = t.known(`undelivered.${refusal.reason}`) ?? refusal.description;
  const row = el(
    "div",
    {
      class: "row in last first ghost",
      role: "article",
      "aria-label": `${t("undelivered")}: ${refusal.text}. ${reason}`,
    },
    el(
      "div",
      { class: "bubble-column" },
      el(
        "div",
        { class: "bubble tailed" },
        el(
          "div",
          { class: "words" },
          refusal.text ? richText(refusal.text, refusal.entities) : refusal.method,
          el("span", { class: "meta" }, el("time", { text: clockTime(refusal.date) })),
        ),
      ),
      el(
        "div",
        { class: "ghost-reason", title: refusal.description },
        icon("alert"),
        el("span", { text: `${t("undelivered")}: ${reason}` }),
      ),
    ),
  );
  row.dataset.ghost = refusal.before;
  return row;
}
