// Names, colours, times, numbers and sizes.

import { language, t } from "./words.js";

const COLOURS = 7;

export const nameOf = (person) =>
  [person.first_name, person.last_name].filter(Boolean).join(" ") || person.title || t("deleted_account");

/** Which of Telegram's seven colours belongs to a number. */
export const colourOf = (id) => Math.abs(Number(id)) % COLOURS;

/** Up to two letters: the first of the first and of the last word. */
export function initials(name) {
  const words = name
    .trim()
    .split(/\s+/)
    .map((word) => word.replace(/^[^\p{L}\p{N}]+/u, ""))
    .filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return (
    letters
      .map((word) => [...word][0])
      .join("")
      .toUpperCase() ||
    [...name.trim()][0] ||
    "?"
  );
}

const formats = new Map();

function format(name, options) {
  const key = `${language()} ${name}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language(), options));
  return formats.get(key);
}

export const clockTime = (seconds) =>
  format("time", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(seconds * 1000);
export const fullTime = (seconds) =>
  format("full", { dateStyle: "medium", timeStyle: "medium" }).format(seconds * 1000);
export const shortDate = (seconds) => format("short", { month: "short", day: "numeric" }).format(seconds * 1000);

/** Hours, minutes, seconds and milliseconds of a moment. */
export function exactTime(seconds) {
  const date = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${parts}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

const dayNumber = (seconds) => {
  const date = new Date(seconds * 1000);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
};

export const sameDay = (one, other) => dayNumber(one) === dayNumber(other);

/** Day as a separator: today, yesterday, or the date, with the year when it is another. */
export function dayName(seconds) {
  const now = Date.now() / 1000;
  if (sameDay(seconds, now)) return t("today");
  if (sameDay(seconds, now - 86400)) return t("yesterday");
  const year = new Date(seconds * 1000).getFullYear() === new Date().getFullYear() ? undefined : "numeric";
  return format(`day ${year}`, { month: "long", day: "numeric", year }).format(seconds * 1000);
}

/** Time in a list of chats: the hour today, the weekday this week, else the date. */
export function listTime(seconds) {
  if (!seconds) return "";
  const age = Date.now() / 1000 - seconds;
  if (sameDay(seconds, Date.now() / 1000)) return clockTime(seconds);
  if (age > 0 && age < 6 * 86400) return format("weekday", { weekday: "short" }).format(seconds * 1000);
  return age > 300 * 86400 || age < -86400
    ? format("date", { year: "2-digit", month: "2-digit", day: "2-digit" }).format(seconds * 1000)
    : shortDate(seconds);
}

export const number = (value) => new Intl.NumberFormat(language()).format(value);

export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KB", "MB", "GB"];
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < 2) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function duration(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

/** An amount in the smallest unit of its currency, as people write it. */
export function price(amount, currency) {
  if (currency === "XTR") return t("stars", { count: amount });
  try {
    const digits = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
    return new Intl.NumberFormat(language(), { style: "currency", currency }).format(amount / 10 ** digits);
  } catch {
    return `${amount} ${currency}`;
  }
}

/** Milliseconds, short. */
export function took(seconds) {
  const ms = seconds * 1000;
  if (ms < 1) return "<1 ms";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
