// Faults as rules to switch on and off.

import { change } from "./api.js";
import { el, fill } from "./dom.js";
import { dialog, field } from "./floating.js";
import { number } from "./format.js";
import { icon } from "./icons.js";
import { toggle } from "./toggle.js";
import { t } from "./words.js";

const KINDS = [
  { kind: "latency", latency_ms: 800 },
  { kind: "status", status: 502 },
  { kind: "drop_after_accept" },
  { kind: "reset" },
  { kind: "too_many", retry_after: 3 },
  { kind: "blocked" },
  { kind: "deactivated" },
  { kind: "kicked" },
  { kind: "migrate" },
];

/** Draw delay and rules; `changed` runs a change and draws again. */
export function drawFaults(node, { latency_ms: latency, rules }, changed) {
  const slow = el("input", {
    type: "range",
    min: 0,
    max: 3000,
    step: 50,
    value: latency,
    "aria-label": t("latency.all"),
  });
  const told = el("output", { text: `${latency} ms` });
  slow.addEventListener("input", () => {
    told.textContent = `${slow.value} ms`;
  });
  slow.addEventListener("change", () => changed(() => change("PUT", "latency", { latency_ms: Number(slow.value) })));
  fill(
    node,
    el("label", { class: "slider" }, el("span", { text: t("latency.all") }), told, slow),
    rules.map((rule) => ruleRow(rule, changed)),
    el(
      "button",
      { type: "button", class: "fact action", onclick: () => ruleDialog(changed) },
      icon("plus"),
      el("span", { text: t("faults.add") }),
    ),
    rules.length
      ? el(
          "button",
          { type: "button", class: "fact action danger", onclick: () => changed(() => change("DELETE", "faults")) },
          icon("trash"),
          el("span", { text: t("faults.clear") }),
        )
      : null,
  );
}

function ruleRow(rule, changed) {
  const on = rule.enabled !== false;
  const where = [
    rule.method === "*" || !rule.method ? t("faults.every_call") : rule.method,
    rule.chat ? `${t("chat")} ${rule.chat}` : null,
    rule.probability < 1 ? `${Math.round(rule.probability * 100)}%` : null,
    rule.every > 1 ? t("faults.every", { count: rule.every }) : null,
    rule.nth ? t("faults.nth", { count: rule.nth }) : null,
    on ? t("faults.hits", { count: number(rule.hits ?? 0) }) : t("off"),
  ];
  const extra = { latency: `${rule.latency_ms} ms`, status: rule.status, too_many: `${rule.retry_after} s` }[rule.kind];
  const remove = el(
    "button",
    {
      type: "button",
      class: "round",
      "aria-label": t("faults.remove"),
      onclick: () => changed(() => change("DELETE", "faults", { id: rule.id })),
    },
    icon("close"),
  );
  return el(
    "div",
    { class: "rule" },
    toggle(
      `${t(`fault.${rule.kind}`)}${extra ? ` · ${extra}` : ""}`,
      on,
      (wanted) => changed(() => change("PATCH", "faults", { id: rule.id, enabled: wanted })),
      where.filter(Boolean).join(" · "),
    ),
    remove,
  );
}

async function addRule(rule) {
  const [result] = await change("POST", "faults", [rule]);
  if (!result.ok) throw new Error(result.error);
}

function ruleDialog(changed) {
  const kind = el(
    "select",
    {},
    KINDS.map((each) => el("option", { value: each.kind, text: t(`fault.${each.kind}`) })),
  );
  const method = el("input", { type: "text", value: "*", list: "methods", spellcheck: "false" });
  const chat = el("input", { type: "number", placeholder: t("faults.any_chat") });
  const chance = el("input", { type: "number", min: 1, max: 100, value: 100 });
  const nth = el("input", { type: "number", min: 1, placeholder: t("faults.all_calls") });
  const amount = el("input", { type: "number", min: 0, value: 800 });
  const amountField = field(t("faults.latency_ms"), amount);
  const LABELS = { latency: ["latency_ms", 800], status: ["status", 502], too_many: ["retry_after", 3] };
  const adapt = () => {
    const [name, value] = LABELS[kind.value] ?? [];
    amountField.hidden = !name;
    if (name) {
      amountField.firstChild.textContent = t(`faults.${name}`);
      amount.value = value;
    }
  };
  kind.addEventListener("change", adapt);
  adapt();
  const rule = () => ({
    kind: kind.value,
    method: method.value || "*",
    probability: Number(chance.value) / 100,
    ...(chat.value ? { chat: Number(chat.value) } : {}),
    ...(nth.value ? { nth: Number(nth.value) } : {}),
    ...(LABELS[kind.value] ? { [LABELS[kind.value][0]]: Number(amount.value) } : {}),
  });
  dialog({
    title: t("faults.add"),
    fields: [
      field(t("faults.kind"), kind),
      amountField,
      field(t("faults.method"), method, t("faults.method_hint")),
      field(t("chat"), chat),
      el("div", { class: "two" }, field(t("faults.chance"), chance), field(t("faults.nth_field"), nth)),
    ],
    actions: [{ text: t("cancel") }, { text: t("add"), primary: true, run: () => changed(() => addRule(rule())) }],
  });
}
