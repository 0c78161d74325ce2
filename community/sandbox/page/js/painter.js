// The rows of a conversation: days, albums, groups of one sender, ghosts, and the line above what is unread.

import { bubbleRow } from "./bubble.js";
import { arrange, el, reducedMotion } from "./dom.js";
import { dayName, sameDay } from "./format.js";
import { ghostRow } from "./ghost.js";
import { albums, together } from "./grouping.js";
import { store } from "./store.js";
import { isService } from "./summary.js";
import { t } from "./words.js";

export class Painter {
  constructor(column) {
    this.column = column;
    this.rows = new Map(); // what is drawn, by message or by what it is
  }

  /** Draw what is there; rows that did not change stay as they are. */
  paint(messages, { older, newer, readMark }, arrived = new Set()) {
    const nodes = [];
    const groups = albums(messages);
    groups.forEach((group, index) => {
      const before = groups[index - 1]?.at(-1);
      const after = groups[index + 1]?.[0];
      if (!before || !sameDay(before.date, group[0].date))
        nodes.push(
          this._separator(`day ${new Date(group[0].date * 1000).toDateString()}`, dayName(group[0].date), "day"),
        );
      if (readMark && group.some((each) => each.message_id === readMark))
        nodes.push(this._separator("unread", t("unread.here"), "unread-line"));
      nodes.push(this._row(group, before, after, arrived));
    });
    if (!store.thread) this._haunt(nodes, store.info?.refusals ?? [], messages, older, newer);
    if (!nodes.length)
      nodes.push(
        this._separator("empty", store.info?.opened === false ? t("thread.not_started") : t("thread.empty"), "nothing"),
      );
    this._arrange(nodes);
  }

  /** Each day is a section of its own, below whose head its messages pass. */
  _arrange(nodes) {
    const days = [];
    for (const node of nodes) {
      if (node.classList.contains("day") || !days.length) days.push([]);
      days.at(-1).push(node);
    }
    arrange(
      this.column,
      days.map((day) => {
        const key = `section ${day[0].textContent}`;
        if (!this.rows.has(key)) this.rows.set(key, el("div", { class: "day-section" }));
        arrange(this.rows.get(key), day);
        return this.rows.get(key);
      }),
    );
  }

  /** Ghosts stand where the messages would have been. */
  _haunt(nodes, refusals, messages, older, newer) {
    const [lowest, highest] = [messages[0]?.message_id, messages.at(-1)?.message_id];
    for (const refusal of refusals) {
      if ((newer && refusal.before > highest) || (older && refusal.before <= lowest)) continue;
      const at = nodes.findIndex((node) => Number(node.dataset.first) >= refusal.before);
      nodes.splice(at < 0 ? nodes.length : at, 0, this._ghost(refusal));
    }
  }

  _separator(key, text, className) {
    if (!this.rows.has(key))
      this.rows.set(key, el("div", { class: `separator ${className}`, role: "separator" }, el("span", { text })));
    return this.rows.get(key);
  }

  _ghost(refusal) {
    const key = `ghost ${refusal.before} ${refusal.text} ${refusal.reason}`;
    if (!this.rows.has(key)) {
      this.rows.set(key, ghostRow(refusal));
    }
    return this.rows.get(key);
  }

  _row(group, before, after, arrived) {
    const [head] = group;
    const crowd = store.info?.kind !== "private" && store.info?.kind !== "channel";
    const place = {
      first: !together(before, head),
      last: !together(group.at(-1), after),
      faced: crowd && !head.out && !isService(head),
      named: false,
    };
    place.named = crowd && !head.out && place.first;
    const flags = `${place.first}${place.last}${place.faced}${group.map((each) => each.message_id)}`;
    const key = group.at(-1).message_id;
    const known = this.rows.get(key);
    if (known?.flags === flags && group.every((each) => this.rows.get(each.message_id)?.flags !== undefined))
      return known.node;
    const node = bubbleRow(group, place);
    if (arrived.has(key) && !reducedMotion()) node.classList.add("arriving");
    for (const each of group) this.rows.set(each.message_id, { flags, node });
    return node;
  }
}
