// The page's own words in the language chosen: the browser's at first, then what was switched to.

import { en } from "./words_en.js";
import { zh } from "./words_zh.js";
import { enTools } from "./words_en_tools.js";
import { zhTools } from "./words_zh_tools.js";

const LANGUAGES = { en: { ...en, ...enTools }, "zh-Hans": { ...zh, ...zhTools } };
let chosen = remembered() ?? (navigator.languages?.[0]?.toLowerCase().startsWith("zh") ? "zh-Hans" : "en");
document.documentElement.lang = chosen;

function remembered() {
  try {
    const language = localStorage.getItem("language");
    return language in LANGUAGES ? language : null;
  } catch {
    return null;
  }
}

export const language = () => chosen;

export function switchLanguage() {
  chosen = chosen === "en" ? "zh-Hans" : "en";
  try {
    localStorage.setItem("language", chosen);
  } catch {
    /* not remembered then */
  }
  location.reload();
}

/** The words of a key, with {names} filled in. A key ending in .one serves a `count` of 1. */
export function t(key, values = {}) {
  const words = LANGUAGES[chosen];
  const found = (values.count === 1 && words[`${key}.one`]) || words[key] || LANGUAGES.en[key] || key;
  return found.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The words of a key, or null when there are none. */
t.known = (key) => LANGUAGES[chosen][key] ?? null;
