// Sending files: chosen, pasted or dropped; looked at before they go.

import { act } from "./api.js";
import { el } from "./dom.js";
import { attempt, dialog, field } from "./floating.js";
import { fileSize } from "./format.js";
import { icon } from "./icons.js";
import { store } from "./store.js";
import { t } from "./words.js";

const ALBUM = 10;
const CHUNK = 0x8000;

export function chooseFiles(target) {
  const input = el("input", { type: "file", multiple: true });
  input.addEventListener("change", () => offerFiles([...input.files], target));
  input.click();
}

/** Show what is about to be sent, with a caption; pictures as pictures unless told otherwise. */
export function offerFiles(files, target) {
  const chosen = files.slice(0, ALBUM);
  if (!chosen.length) return;
  const caption = el("input", { type: "text", maxlength: 1024 });
  const visual = chosen.some((file) => /^(image|video)\//.test(file.type));
  const plain = el("input", { type: "checkbox" });
  const urls = [];
  dialog({
    title: t("attach.title", { count: chosen.length }),
    fields: [
      el(
        "div",
        { class: "attach-list" },
        chosen.map((file) => tile(file, urls)),
      ),
      visual ? el("label", { class: "check" }, plain, el("span", { text: t("attach.as_files") })) : null,
      field(t("caption"), caption),
    ],
    actions: [
      { text: t("cancel") },
      {
        text: t("send"),
        primary: true,
        run: async () => {
          const sent = await attempt(() => sendFiles(chosen, { ...target, text: caption.value.trim() }, plain.checked));
          urls.forEach((url) => URL.revokeObjectURL(url));
          return Boolean(sent);
        },
      },
    ],
  });
}

function tile(file, urls) {
  if (!file.type.startsWith("image/"))
    return el(
      "div",
      { class: "attach-file" },
      icon("file"),
      el("span", { text: file.name }),
      el("small", { text: fileSize(file.size) }),
    );
  const url = URL.createObjectURL(file);
  urls.push(url);
  return el("img", { src: url, alt: file.name });
}

async function sendFiles(files, target, plain) {
  const media = await Promise.all(
    files.map(async (file) => ({
      kind: kindFor(file, plain),
      name: file.name || "file",
      mime_type: file.type || "application/octet-stream",
      data: base64(await file.arrayBuffer()),
    })),
  );
  return act("say", { ...target, media });
}

function kindFor(file, plain) {
  if (plain) return "document";
  if (/^image\/(png|jpeg|webp)$/.test(file.type)) return "photo";
  if (file.type === "image/gif") return "animation";
  if (/^video\//.test(file.type)) return "video";
  if (/^audio\/ogg/.test(file.type)) return "voice";
  return /^audio\//.test(file.type) ? "audio" : "document";
}

function base64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return btoa(text);
}

/** Files dropped onto the conversation. */
export function takeDrops(node, target) {
  const veil = el("div", { class: "drop-veil", hidden: true }, icon("into"), el("span", { text: t("attach.drop") }));
  node.append(veil);
  let depth = 0;
  const shows = (event) => store.chat && [...(event.dataTransfer?.types ?? [])].includes("Files");
  node.addEventListener("dragenter", (event) => {
    if (shows(event)) {
      depth += 1;
      veil.hidden = false;
    }
  });
  node.addEventListener("dragleave", () => {
    depth = Math.max(0, depth - 1);
    veil.hidden = depth === 0;
  });
  node.addEventListener("dragover", (event) => {
    if (shows(event)) event.preventDefault();
  });
  node.addEventListener("drop", (event) => {
    if (!shows(event)) return;
    event.preventDefault();
    depth = 0;
    veil.hidden = true;
    offerFiles([...event.dataTransfer.files], target());
  });
}
