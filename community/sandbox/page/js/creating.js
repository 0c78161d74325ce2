// New users, bots, groups and channels.

import { act, ask, change, first } from "./api.js";
import { el } from "./dom.js";
import { attempt, dialog, field } from "./floating.js";
import { nameOf } from "./format.js";
import { emit, store } from "./store.js";
import { language as pageLanguage, t } from "./words.js";

const NAMES = ["Ada", "Bo", "Chen", "Dara", "Emil", "Fay", "Gus", "Hana", "Iris", "Jon", "Kaya", "Liu"];
const text = (more = {}) => el("input", { type: "text", autocomplete: "off", ...more });

export function newUser() {
  const [name, last, username, language] = [
    text({ maxlength: 64 }),
    text({ maxlength: 64 }),
    text({ maxlength: 32, placeholder: "@" }),
    text({ maxlength: 8, value: pageLanguage().toLowerCase() }),
  ];
  name.placeholder = NAMES[Math.floor(Math.random() * NAMES.length)];
  const made = async () => {
    const id = await freeNumber();
    await first(
      await change("POST", "users", [
        {
          id,
          first_name: name.value.trim() || name.placeholder,
          ...given({
            last_name: last.value,
            username: username.value.replace(/^@/, ""),
            language_code: language.value,
          }),
        },
      ]),
    );
    emit("play", id);
  };
  dialog({
    title: t("create.user"),
    fields: [
      field(t("first_name"), name),
      field(t("last_name"), last),
      field(t("username"), username),
      field(t("language_code"), language),
    ],
    actions: [{ text: t("cancel") }, { text: t("create"), primary: true, run: () => attempt(made) }],
  });
}

async function freeNumber() {
  for (;;) {
    const id = 100_000_000 + Math.floor(Math.random() * 900_000_000);
    const { people } = await ask("view/people", { query: String(id), limit: 1 });
    if (!people.length) return id;
  }
}

const given = (fields) =>
  Object.fromEntries(
    Object.entries(fields)
      .map(([key, value]) => [key, value.trim()])
      .filter(([, value]) => value),
  );

export function newBot() {
  const token = text({
    maxlength: 128,
    value: `${5000 + Math.floor(Math.random() * 90000)}:${Math.random().toString(36).slice(2, 14)}`,
  });
  const [username, name] = [text({ maxlength: 32, placeholder: "shop_bot" }), text({ maxlength: 64 })];
  dialog({
    title: t("create.bot"),
    fields: [field(t("token"), token, t("token.hint")), field(t("username"), username), field(t("name"), name)],
    actions: [
      { text: t("cancel") },
      {
        text: t("create"),
        primary: true,
        run: () =>
          attempt(async () => {
            const made = first(
              await change("POST", "bots", [
                {
                  token: token.value.trim(),
                  ...given({ username: username.value.replace(/^@/, ""), first_name: name.value }),
                },
              ]),
            );
            emit("chats.refresh");
            emit("watch", made.id);
          }),
      },
    ],
  });
}

/** A group or channel of the person played, or of nobody; bots come in as administrators where chosen. */
export async function newGroup(kind) {
  const { people: bots } = await ask("view/people", { bots: true, limit: 50 });
  const title = text({ maxlength: 128 });
  const username = text({ maxlength: 32, placeholder: t("create.private") });
  const forum = el("input", { type: "checkbox" });
  const boxes = bots.map((bot) => [bot, el("input", { type: "checkbox" })]);
  boxes.slice(0, 1).forEach(([, box]) => {
    box.checked = true;
  });
  const made = async () => {
    const chosen = boxes.filter(([, box]) => box.checked).map(([bot]) => bot.id);
    const wanted = {
      title: title.value.trim(),
      kind,
      is_forum: forum.checked,
      owner: store.user?.id ?? null,
      bots: store.user ? [] : chosen,
    };
    const { id } = first(
      await change("POST", "groups", [{ ...wanted, ...given({ username: username.value.replace(/^@/, "") }) }]),
    );
    if (store.user) for (const bot of chosen) await act("add_bot", { chat: id, bot, admin: true }); // so that it is told
    emit("chats.refresh");
    if (store.user) emit("open", id);
  };
  dialog({
    title: t(kind === "channel" ? "create.channel" : "create.group"),
    fields: [
      field(t("create.title"), title, store.user ? t("create.owner", { name: nameOf(store.user) }) : null),
      field(t("username"), username),
      kind === "channel" ? null : el("label", { class: "check" }, forum, el("span", { text: t("create.forum") })),
      el(
        "fieldset",
        {},
        el("legend", { text: t("create.bots") }),
        boxes.map(([bot, box]) =>
          el("label", { class: "check" }, box, el("span", { text: `${nameOf(bot)} · @${bot.username}` })),
        ),
      ),
    ],
    actions: [{ text: t("cancel") }, { text: t("create"), primary: true, run: () => attempt(made) }],
  });
}
