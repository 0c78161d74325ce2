// Invoices with their price, paying, and what came of it.

import { act, fileAddress } from "./api.js";
import { el } from "./dom.js";
import { attempt, dialog, notice } from "./floating.js";
import { number, price } from "./format.js";
import { icon } from "./icons.js";
import { store } from "./store.js";
import { t } from "./words.js";

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
      el("span", { text: t("invoice") }),
    ),
  );
}

/** Ask whether to pay, and pay. */
export function payDialog(message) {
  const { invoice } = message;
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
        run: () => pay({ chat: store.chat, message: message.message_id }),
      },
    ],
  });
}

/** The gesture; whatever the bot answers to the check before payment is told in words. */
export async function pay(target) {
  const result = await attempt(() => act("pay", target));
  if (!result) return;
  if (result.ok_to_pay === false || result.error_message) notice(result.error_message, "error");
  else if (result.paid !== false) notice(t("pay.sent"));
}
