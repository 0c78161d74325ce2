// Asking the sandbox. Whatever it refuses becomes an Error with its words.

import { store } from "./store.js";

async function answerOf(response) {
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Error(`${response.status} ${response.statusText}`);
  }
  if (!answer.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer.result;
}

/** A question to `/control/<path>`; parameters that are null are left out. */
export async function ask(path, query = {}) {
  const named = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
  return answerOf(await fetch(`/control/${path}?${new URLSearchParams(named)}`));
}

/** A change by `POST`, `PATCH`, `PUT` or `DELETE`. */
export async function change(verb, path, body = {}) {
  const headers = { "Content-Type": "application/json" };
  return answerOf(await fetch(`/control/${path}`, { method: verb, headers, body: JSON.stringify(body) }));
}

export function first(results) {
  if (!results[0].ok) throw new Error(results[0].error);
  return results[0];
}

/** A gesture of the person chosen, or of `user` in `details`. */
export async function act(gesture, details = {}) {
  return first(await change("POST", "actions", [{ do: gesture, user: store.user?.id, ...details }]));
}

export const fileAddress = (id) => `/page/file/${encodeURIComponent(id)}`;
