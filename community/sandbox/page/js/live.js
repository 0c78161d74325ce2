// The WebSocket by which the sandbox tells what changed. Comes back by itself, later and later.

import { emit, store } from "./store.js";

let socket = null;
let wait = 250;
let opened = false;

/** Tell the sandbox what this window shows. */
export function look() {
  if (socket?.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({ user: store.user?.id ?? null, chat: store.chat, bot: store.bot }));
}

export function connect() {
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/page/live`);
  socket.onopen = () => {
    wait = 250;
    look();
    emit("connection", true);
    if (opened) emit("again");
    opened = true;
  };
  socket.onmessage = (event) => receive(JSON.parse(event.data));
  socket.onclose = () => {
    emit("connection", false);
    setTimeout(connect, wait);
    wait = Math.min(wait * 2, 4000);
  };
}

function receive(batch) {
  if (batch.again) emit("again");
  for (const name of ["people", "rows", "messages", "answers", "typing", "about", "records"]) {
    if (batch[name]) emit(name, batch[name]);
  }
}
