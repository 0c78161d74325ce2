// The page as a whole: what is where, which of it shows, keys that work everywhere.

import { ask } from "./api.js";
import { takeDrops } from "./attach.js";
import { BotView } from "./botview.js";
import { chatsPane } from "./chats.js";
import { Conversation } from "./conversation.js";
import { el } from "./dom.js";
import "./joining.js";
import { connect, look } from "./live.js";
import { peoplePane } from "./people.js";
import { closeSide, sideNode } from "./side.js";
import { emit, meet, on, place, readPlace, store } from "./store.js";
import { openSwitches } from "./switches.js";
import { startTheme } from "./theme.js";
import { t } from "./words.js";

startTheme();
document.title = t("title");

const conversation = new Conversation({
  openThread: (thread) => show({ user: store.user.id, chat: store.chat, thread }),
  back: () => show({ user: store.user.id }),
});
const botView = new BotView({ back: () => pane("people") });
const app = el(
  "div",
  { class: "app", "data-pane": "people" },
  peoplePane({ play: (id) => show({ user: id }), watch: (id) => show({ bot: id }), openSwitches }),
  chatsPane({ open: (key) => show({ user: store.user.id, chat: key }) }),
  conversation.node,
  botView.node,
  sideNode,
);
document.body.prepend(
  el("a", {
    class: "skip",
    href: "#conversation",
    text: t("skip"),
    onclick: (event) => {
      event.preventDefault();
      conversation.node.focus();
    },
  }),
  app,
  el("div", { class: "connection", role: "status", text: t("reconnecting") }),
);
takeDrops(conversation.node, () => conversation.composer._target());

on("play", (id) => show({ user: id }));
on("watch", (id) => show({ bot: id }));
on("open", (key) => show({ user: store.user.id, chat: key }));
on("left", (key) => {
  if (store.chat === key) show({ user: store.user.id });
  emit("chats.refresh");
});
on("pane", pane);

function pane(name) {
  app.dataset.pane = name;
  if (name === "people") app.querySelector(".people .search-input").focus({ preventScroll: true });
}

/** Go somewhere: {user, chat, thread} or {bot}. */
async function show({ user = null, chat = null, thread = null, bot = null }, remember = true) {
  const samePerson = store.user?.id === user;
  if (user && !samePerson) {
    const person = await ask("view/person", { user }).catch(() => null);
    if (!person) {
      user = null;
      chat = null;
    } else store.user = meet(person);
  }
  if (bot && !store.people.has(bot))
    await ask("view/people", { bots: true, limit: 200 })
      .then(({ people }) => people.forEach(meet))
      .catch(() => {});
  if (!user && !bot) store.user = null;
  Object.assign(store, { chat: user ? chat : store.chat, thread, bot });
  if (remember && location.hash !== place()) history.pushState(null, "", place());
  app.classList.toggle("with-bot", Boolean(bot));
  botView.node.hidden = !bot;
  app.dataset.pane = bot ? "bot" : chat ? "conversation" : user ? "chats" : "people";
  look();
  if (!samePerson || !user) emit("user");
  emit("place");
  await (bot ? botView.open() : conversation.open());
}

addEventListener("popstate", () => show(readPlace(location.hash), false));

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    const narrow = app.dataset.pane === "chats" || (store.user && innerWidth < 1180);
    app.querySelector(narrow ? ".chats .search-input" : ".people .search-input").focus();
  } else if (event.key === "Escape" && !document.querySelector("dialog[open], .menu")) escape(typing);
  else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp"))
    emit("step", event.key === "ArrowDown" ? 1 : -1);
});

function escape(typing) {
  if (closeSide()) return;
  if (typing && typing.type === "search" && typing.value) {
    typing.value = "";
    typing.dispatchEvent(new Event("input"));
  } else if (app.dataset.pane === "people" && store.user) app.dataset.pane = store.chat ? "conversation" : "chats";
  else if (store.thread) show({ user: store.user.id, chat: store.chat });
  else if (store.chat && !store.bot) show({ user: store.user.id });
}

/** At first: the place in the address, else the first person there is. */
async function begin() {
  const wanted = readPlace(location.hash);
  if (!wanted.user && !wanted.bot && innerWidth >= 1180) {
    const { people } = await ask("view/people", { bots: false, limit: 1 });
    if (people[0]) wanted.user = people[0].id;
  }
  await show(wanted, false);
  document.body.classList.add("ready");
}

connect();
begin();
