// Circumstances to switch: faults, limits and their meter, the clock, the whole state.

import { ask, change } from "./api.js";
import { el, fill } from "./dom.js";
import { attempt, confirmed, notice } from "./floating.js";
import { fullTime, number } from "./format.js";
import { drawFaults } from "./faults.js";
import { icon } from "./icons.js";
import { openSide, section, sideShows } from "./side.js";
import { emit } from "./store.js";
import { toggle } from "./toggle.js";
import { t } from "./words.js";

const EVERY = 1000;
const SPEEDS = [1, 60, 3600];
const parts = { faults: el("div", {}), limits: el("div", {}), clock: el("div", {}), state: el("div", {}) };

export async function openSwitches() {
  openSide(
    "switches",
    t("switches"),
    section(t("clock"), parts.clock),
    section(t("faults"), parts.faults),
    section(t("limits"), parts.limits),
    section(t("state.title"), parts.state),
  );
  await again();
  const timer = setInterval(() => {
    if (!sideShows("switches")) clearInterval(timer);
    else if (!document.hidden) refresh().catch(() => {});
  }, EVERY);
}

let last = {};

/** Draw again what changed, so that what one is about to press stays in place. */
async function refresh() {
  const now = await ask("view/switches");
  const differs = (name) => JSON.stringify(last[name]) !== JSON.stringify(now[name]);
  if (differs("faults")) drawFaults(parts.faults, now.faults, changed);
  if (differs("limits") || differs("meters")) drawLimits(now.limits, now.meters);
  if (!("clock" in last)) drawState();
  drawClock(now.clock);
  last = now;
}

const again = () => {
  last = {};
  return refresh();
};
const changed = (work) =>
  attempt(async () => {
    await work();
    await again();
  });

function drawLimits(limits, meters) {
  const figure = (value, label, bad = false) =>
    el("div", { class: `figure ${bad ? "bad" : ""}` }, el("b", { text: number(value) }), el("span", { text: label }));
  fill(
    parts.limits,
    toggle(
      t("limits.enforce"),
      limits.enforced,
      (wanted) => changed(() => change("PATCH", "limits", { enforced: wanted })),
      t("limits.are", { second: limits.per_second, chat: limits.per_chat_second, minute: limits.per_group_minute }),
    ),
    Object.entries(meters).map(([bot, meter]) =>
      el(
        "div",
        { class: "meter" },
        Object.keys(meters).length > 1 ? el("h4", { text: `${t("bot")} ${bot}` }) : null,
        figure(meter.calls, t("meter.calls")),
        figure(meter.worst_second, t("meter.second"), meter.worst_second > limits.per_second),
        figure(meter.worst_chat_second, t("meter.chat"), meter.worst_chat_second > limits.per_chat_second),
        figure(meter.worst_group_minute, t("meter.group"), meter.worst_group_minute > limits.per_group_minute),
        figure(meter.too_many, t("meter.429"), meter.too_many > 0),
      ),
    ),
    el(
      "button",
      { type: "button", class: "fact action", onclick: () => changed(() => change("DELETE", "meter")) },
      icon("trash"),
      el("span", { text: t("meter.reset") }),
    ),
  );
}

function drawClock({ now, frozen, speed }) {
  if (!parts.clock.firstChild)
    parts.clock.append(
      el("div", { class: "clock" }),
      el("div", { class: "clock-switch" }),
      el("div", { class: "chips" }),
      el("div", { class: "chips", role: "group", "aria-label": t("clock.speed") }),
    );
  const [face, freeze, chips, speeds] = parts.clock.children;
  const away = Math.abs(now - Date.now() / 1000) > 2;
  const runs = t("clock.runs", { speed: number(speed) });
  fill(
    face,
    icon("clock"),
    el("b", { text: fullTime(now) }),
    el("span", { class: "row-sub", text: frozen ? t("clock.frozen") : speed !== 1 ? runs : t(away ? "clock.moved" : "clock.real") }),
  );
  const set = (body) => changed(() => change("PATCH", "clock", body));
  const state = `${frozen} ${speed}`;
  if (freeze.dataset.state === state) return;
  freeze.dataset.state = state;
  fill(
    freeze,
    toggle(t("clock.freeze"), frozen, (wanted) => set({ frozen: wanted })),
  );
  const chip = (words, body) => el("button", { type: "button", class: "chip", text: words, onclick: () => set(body) });
  fill(
    chips,
    chip(t("clock.minute"), { advance: 300 }),
    chip(t("clock.hour"), { advance: 3600 }),
    chip(t("clock.day"), { advance: 86400 }),
    chip(t("clock.week"), { advance: 604800 }),
    chip(t("clock.back"), { real: true }),
  );
  fill(
    speeds,
    el("span", { class: "row-sub", text: t("clock.speed") }),
    SPEEDS.map((each) =>
      el("button", {
        type: "button",
        class: "chip",
        "aria-pressed": String(each === speed),
        text: `${number(each)}×`,
        onclick: () => set({ speed: each }),
      }),
    ),
  );
}

function drawState() {
  const reset = el(
    "button",
    {
      type: "button",
      class: "fact action danger",
      onclick: async () => {
        if (await confirmed(t("state.reset"), t("state.reset_sure"), t("state.reset")))
          attempt(async () => {
            await change("POST", "reset");
            notice(t("state.reset_done"));
            emit("again");
            await again();
          });
      },
    },
    icon("trash"),
    el("span", { text: t("state.reset") }),
  );
  fill(parts.state, saveState(), loadState(), reset);
}

const saveState = () =>
  el(
    "a",
    { class: "fact action", href: "/control/state", download: "telegram-sandbox.state" },
    icon("download"),
    el("span", { text: t("state.save") }),
  );

function loadState() {
  const input = el("input", { type: "file", hidden: true });
  input.addEventListener("change", () =>
    attempt(async () => {
      const response = await fetch("/control/state", { method: "POST", body: await input.files[0].arrayBuffer() });
      const answer = await response.json();
      if (!answer.ok) throw new Error(answer.error);
      notice(t("state.loaded"));
      emit("again");
    }),
  );
  return el(
    "button",
    { type: "button", class: "fact action", onclick: () => input.click() },
    icon("up"),
    el("span", { text: t("state.load") }),
    input,
  );
}
