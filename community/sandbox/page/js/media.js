// Pictures, sounds, films, files, places and contacts in a bubble.

import { fileAddress } from "./api.js";
import { avatar } from "./avatar.js";
import { el } from "./dom.js";
import { duration, fileSize, nameOf } from "./format.js";
import { icon } from "./icons.js";
import { svg } from "./dom.js";
import { kindOf } from "./summary.js";
import { t } from "./words.js";

const LARGEST = 420;

/** What a message carries besides words; null when nothing. */
export function mediaOf(message) {
  const kind = kindOf(message);
  return kind && DRAWERS[kind] ? DRAWERS[kind](message[kind], message) : null;
}

const DRAWERS = {
  photo: (sizes, message) => photo(sizes, message),
  video: (video, message) => video_(video, message),
  animation: (video, message) => video_(video, message, true),
  video_note: (video) =>
    el("video", {
      class: "round-video",
      src: fileAddress(video.file_id),
      controls: true,
      preload: "metadata",
      "aria-label": t("kind.video_note"),
    }),
  sticker: (sticker) => picture(sticker.file_id, t("kind.sticker"), "sticker"),
  document: (file) => fileLine(file, file.file_name ?? t("kind.document")),
  audio: (file) => sound(file, file.title ?? file.file_name ?? t("kind.audio"), file.performer),
  voice: (file) => voice(file),
  location: (place) => map(place, t("kind.location")),
  venue: (venue) => map(venue.location, venue.title, venue.address),
  contact: (contact) => contactCard(contact),
  dice: (dice) => el("div", { class: "dice" }, el("span", { text: dice.emoji }), el("b", { text: dice.value })),
};

/** How large a picture is drawn: as it is, within bounds. */
function boxed(width, height) {
  const ratio = Math.min(Math.max((width || 4) / (height || 3), 0.5), 2.4);
  const wide = Math.min(LARGEST, Math.max(width || LARGEST, 180));
  return { "aspect-ratio": String(ratio), width: `${Math.round(ratio < 1 ? wide * Math.max(ratio, 0.6) : wide)}px` };
}

function photo(sizes, message) {
  const largest = sizes[sizes.length - 1];
  const node = el(
    "button",
    { type: "button", class: "photo", "aria-label": t("photo.open"), style: boxed(largest.width, largest.height) },
    picture(largest.file_id, message.caption ?? t("kind.photo")),
  );
  if (message.has_media_spoiler) veil(node);
  node.addEventListener("click", () => {
    if (!node.classList.contains("veiled")) show(largest.file_id, message.caption);
  });
  return node;
}

function veil(node) {
  node.classList.add("veiled");
  node.addEventListener("click", (event) => {
    if (!node.classList.contains("veiled")) return;
    event.stopImmediatePropagation();
    node.classList.remove("veiled");
  });
}

/** A picture; one that cannot be shown leaves a sign of it. */
function picture(id, words, className = "") {
  const image = el("img", { src: fileAddress(id), alt: words, class: className, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () =>
    image.replaceWith(
      el(
        "span",
        { class: "no-picture", role: "img", "aria-label": words },
        icon("alert"),
        el("span", { text: t("photo.broken") }),
      ),
    ),
  );
  return image;
}

function show(id, caption) {
  const node = el(
    "dialog",
    { class: "viewer", "aria-label": t("kind.photo") },
    el("img", { src: fileAddress(id), alt: caption ?? t("kind.photo") }),
    caption ? el("p", { text: caption }) : null,
    el("button", { type: "button", class: "round", "aria-label": t("close") }, icon("close")),
  );
  node.addEventListener("click", () => node.close());
  node.addEventListener("close", () => node.remove());
  document.body.append(node);
  node.showModal();
}

function video_(video, message, loop = false) {
  const film = el("video", {
    src: fileAddress(video.file_id),
    controls: !loop,
    loop,
    muted: loop,
    playsinline: true,
    preload: "metadata",
    "aria-label": t(loop ? "kind.animation" : "kind.video"),
    style: boxed(video.width, video.height),
    class: "video",
  });
  const frame = el(
    "div",
    { class: "video-frame" },
    film,
    loop ? el("span", { class: "media-mark", text: "GIF" }) : null,
  );
  film.addEventListener("error", () =>
    frame.replaceChildren(fileLine(video, video.file_name ?? t("kind.video"), "play")),
  );
  if (loop) film.addEventListener("click", () => (film.paused ? film.play().catch(() => {}) : film.pause()));
  if (message.has_media_spoiler) veil(frame);
  return frame;
}

export function fileLine(file, name, symbol = "file") {
  const about = [
    file.file_size !== undefined ? fileSize(file.file_size) : null,
    file.duration ? duration(file.duration) : null,
  ];
  const extension = name.includes(".") ? name.split(".").pop().slice(0, 4) : "";
  return el(
    "a",
    { class: "file", href: fileAddress(file.file_id), download: name, "aria-label": t("file.save", { name }) },
    el("span", { class: "file-mark" }, symbol === "file" && extension ? el("span", { text: extension }) : icon(symbol)),
    el(
      "span",
      { class: "file-text" },
      el("span", { class: "file-name", text: name }),
      el("span", { class: "file-size", text: about.filter(Boolean).join(" · ") }),
    ),
  );
}

function player(file, draw) {
  const audio = el("audio", { src: fileAddress(file.file_id), preload: "none" });
  const button = el("button", { type: "button", class: "play", "aria-label": t("play") }, icon("play"));
  const state = () => button.replaceChildren(icon(audio.paused ? "play" : "pause"));
  button.addEventListener("click", () =>
    audio.paused ? audio.play().catch(() => button.classList.add("broken")) : audio.pause(),
  );
  ["play", "pause", "ended"].forEach((name) => audio.addEventListener(name, state));
  return el("div", { class: "sound" }, button, draw(audio), audio);
}

function sound(file, title, performer) {
  return player(file, () =>
    el(
      "span",
      { class: "file-text" },
      el("span", { class: "file-name", text: title }),
      el("span", { class: "file-size", text: [performer, duration(file.duration ?? 0)].filter(Boolean).join(" · ") }),
    ),
  );
}

/** A voice message: bars that stand for its sound, from its number. */
function voice(file) {
  let seed = [...file.file_unique_id].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
  const bars = Array.from({ length: 38 }, (_, index) => {
    seed = (seed * 1103515245 + 12345) >>> 0;
    const height = 3 + ((seed >>> 16) % 14);
    return svg("rect", { x: index * 4, y: 18 - height, width: 2.4, height, rx: 1.2 });
  });
  const wave = svg("svg", { class: "wave", viewBox: "0 0 152 18", "aria-hidden": "true" }, ...bars);
  return player(file, (audio) => {
    audio.addEventListener("timeupdate", () =>
      bars.forEach((bar, index) =>
        bar.classList.toggle("played", index / bars.length < audio.currentTime / (audio.duration || 1)),
      ),
    );
    return el(
      "span",
      { class: "file-text" },
      wave,
      el("span", { class: "file-size", text: duration(file.duration ?? 0) }),
    );
  });
}

function map(place, title, address = null) {
  const { latitude, longitude } = place;
  const lines = [18, 52, 86].flatMap((at) => [
    svg("path", { d: `M0 ${at} Q90 ${at - 26} 260 ${at + 14}` }),
    svg("path", { d: `M${at * 2.4} 0 Q${at * 2} 60 ${at * 2.7} 130` }),
  ]);
  const sketch = svg(
    "svg",
    { class: "map", viewBox: "0 0 260 120", "aria-hidden": "true", preserveAspectRatio: "xMidYMid slice" },
    ...lines,
  );
  return el(
    "div",
    { class: "place" },
    el("div", { class: "map-frame" }, sketch, icon("location")),
    el("span", { class: "file-name", text: title }),
    el("span", {
      class: "file-size",
      text: [address, `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`].filter(Boolean).join(" · "),
    }),
  );
}

function contactCard(contact) {
  const name = nameOf(contact);
  return el(
    "div",
    { class: "contact" },
    avatar(contact.user_id ?? contact.phone_number.length, name, { size: 44 }),
    el(
      "span",
      { class: "file-text" },
      el("span", { class: "file-name", text: name }),
      el("span", { class: "file-size", text: contact.phone_number }),
    ),
  );
}
