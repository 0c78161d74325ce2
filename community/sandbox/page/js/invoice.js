// Invoices with their price, paying, and what came of it.

import { act, ask, fileAddress } from "./api.js";
import { el } from "./dom.js";
import { attempt, dialog, notice } from "./floating.js";
import { number, price } from "./format.js";
import { icon } from "./icons.js";
import { t } from "./words.js";

const PATIENCE = 12_000; // milliseconds

/** An amount with a star of our own where it is in Stars. */
export function amount(total, currency) {
  if (currency !== "XTR") return el("span", { class: "amount", text: price(total, currency) });
  return el(
    "span",
    { class: "amount", "aria-label": t("stars", { count: total }) },
    icon("star", "filled"),
    el("span", { "aria-hidden": "true", text: number(total) }),
  );
}

export function invoiceCard(message) {
  const { invoice } = message;
  const image = invoice.photo_url ?? invoice.photo?.file_id;
  return el(
    "div",
    { class: "invoice" },
    typeof image === "string" && !/^[a-z]+:/i.test(image) ? el("img", { src: fileAddress(image), alt: "" }) : null,
    el("div", { class: "invoice-title", text: invoice.title }),
    el("div", { class: "invoice-text", text: invoice.description }),
    el(
      "div",
      { class: "invoice-price" },
      amount(invoice.total_amount, invoice.currency),
      el("span", { text: t(message.payment ? `payment.${message.payment}` : "invoice") }),
    ),
  );
}

/** Ask whether to pay; `target` is what the gesture needs: chat and message, or a link. */
export function payDialog(invoice, target) {
  dialog({
    title: t("pay.title"),
    fields: [
      el(
        "div",
        { class: "pay-card" },
        el("div", { class: "pay-star" }, icon("star", "filled")),
        el("strong", { text: invoice.title }),
        el("p", { text: invoice.description }),
        el("div", { class: "pay-price" }, amount(invoice.total_amount, invoice.currency)),
        el("small", { text: t("pay.nothing_real") }),
      ),
    ],
    actions: [
      { text: t("cancel") },
      {
        text: t("pay.confirm", { price: price(invoice.total_amount, invoice.currency) }),
        primary: true,
        run: () => {
          attempt(() => pay(target));
        },
      },
    ],
  });
}

/** Pay, and wait for what the bot answers to the check before payment: it has ten seconds. */
async function pay(target) {
  const { payment } = await act("pay", target);
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const { state, error } = await ask("payment", { number: payment });
    if (state === "paid") return notice(t("pay.done"));
    if (state !== "waiting") throw new Error(error ?? state);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(t("pay.no_answer"));
}
