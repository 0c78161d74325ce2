// Several pictures or files sent as one: a mosaic, or a column of files.

import { el } from "./dom.js";
import { mediaOf } from "./media.js";
import { kindOf } from "./summary.js";

const VISUAL = new Set(["photo", "video", "animation"]);

/** How many stand side by side in each line, for two to ten. */
const LINES = {
  1: [1],
  2: [2],
  3: [1, 2],
  4: [1, 3],
  5: [2, 3],
  6: [3, 3],
  7: [3, 4],
  8: [4, 4],
  9: [3, 3, 3],
  10: [3, 3, 4],
};

export function album(messages) {
  if (!messages.every((message) => VISUAL.has(kindOf(message)))) {
    return el("div", { class: "album-files" }, messages.map(mediaOf));
  }
  const lines = [];
  let at = 0;
  for (const width of LINES[messages.length] ?? [messages.length]) {
    const cells = messages
      .slice(at, at + width)
      .map((message) => el("div", { class: "mosaic-cell", "data-id": message.message_id }, mediaOf(message)));
    lines.push(el("div", { class: `mosaic-line of-${width}` }, cells));
    at += width;
  }
  return el("div", { class: `mosaic lines-${lines.length}` }, lines);
}
