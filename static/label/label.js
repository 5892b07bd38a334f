// @ts-check
/** The label page: wires keys, faces, outbox and what is said about them. */

import { uuid } from "../api.js";
import { keyMap, listen, UNSURE } from "./keys.js";
import { Outbox } from "./outbox.js";
import { FaceQueue } from "./queue.js";
import { Recent } from "./recent.js";
import { SaveState } from "./state.js";
import { Stopwatch } from "./stopwatch.js";

/** @typedef {import("./queue.js").Face} Face */
/** @typedef {import("./recent.js").Answer} Answer */

const RENEW_EVERY_MS = 60_000;
const LOOK_AGAIN_MS = 20_000;

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
function find(selector, type) {
  const element = document.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`The page lacks ${selector}.`);
  return element;
}

const desk = find("#desk", HTMLElement);
const stage = find("[data-stage]", HTMLElement);
const frame = find("[data-frame]", HTMLElement);
const guide = find("[data-guide]", HTMLDialogElement);
const keysBox = find("[data-keys-on]", HTMLInputElement);
const hint = find("[data-suggestion]", HTMLElement);
const voice = find("[data-voice]", HTMLElement);
const notes = find("[data-notes]", HTMLElement);

/** @param {string} name */
function given(name) {
  const value = desk.dataset[name];
  if (value === undefined) throw new Error(`The desk lacks data-${name}.`);
  return value;
}

/** @type {HTMLButtonElement[]} */
const buttons = Array.from(document.querySelectorAll("button[data-answer]"));
const labels = new Map(buttons.map((b) => [b.dataset.answer ?? "", b.dataset.label ?? ""]));

/** @type {Face | null} */
let current = null;
/** @type {Set<number>} answered on this page and not taken back */
const answered = new Set();
const watch = new Stopwatch();

const outbox = new Outbox({
  owner: given("owner"),
  campaign: given("campaign"),
  votesUrl: given("votesUrl"),
  withdrawUrl: given("withdrawUrl"),
});
const queue = new FaceQueue({
  turnsUrl: given("turnsUrl"),
  renewUrl: given("renewUrl"),
  releaseUrl: given("releaseUrl"),
  isAnswered: (face) => answered.has(face),
});
const state = new SaveState(desk, outbox);
const recent = new Recent(
  find("[data-recent]", HTMLElement),
  find("[data-recent-item]", HTMLTemplateElement),
  takeBack,
);

/** @param {string} sentence for those who do not see the page */
function say(sentence) {
  voice.textContent = sentence;
}

/** @param {"loading" | "face" | "empty" | "trouble"} what the stage shows */
function setStage(what) {
  stage.dataset.shows = what;
  for (const button of buttons) button.disabled = what !== "face";
}

function advance() {
  current = queue.take();
  if (current) show(current);
  else if (stage.dataset.shows === "face") {
    frame.replaceChildren();
    setStage("loading");
    queue.refill();
  }
}

/** @param {Face} face */
function show(face) {
  current = face;
  queue.shown = face.face;
  setMirrored(false);
  frame.replaceChildren(face.picture);
  setStage("face");
  const suggested = face.suggestion;
  hint.hidden = !suggested;
  hint.textContent = suggested
    ? `The model says ${labels.get(suggested.choice) ?? suggested.choice}, ${Math.round(suggested.probability * 100)} %`
    : "";
  watch.restart();
}

/** @param {string} choice */
function answer(choice) {
  if (!current) return;
  const face = current;
  const label = labels.get(choice) ?? choice;
  const id = uuid();
  answered.add(face.face);
  outbox.add({
    id,
    face: face.face,
    filename: face.filename,
    choice,
    seconds: watch.seconds,
    suggestion_shown: face.suggestion !== null,
  });
  recent.add({ id, face, choice, label });
  advance();
  flash(choice);
  say(`${label}. ${state.saved} saved.`);
}

/** @param {string} choice shows for a moment which button was meant */
function flash(choice) {
  for (const button of buttons) {
    if (button.dataset.answer !== choice) continue;
    // Two names for one animation: changing the name restarts it without a forced layout.
    button.dataset.chosen = button.dataset.chosen === "once" ? "again" : "once";
  }
}

/** @param {Answer} was */
function takeBack(was) {
  recent.remove(was);
  answered.delete(was.face.face);
  outbox.takeBack(was.id);
  if (current) queue.putBack(current);
  show(was.face);
  say(`Taken back: ${was.label}. The face is here again.`);
  focusStage();
}

function undo() {
  const last = recent.last;
  if (last) takeBack(last);
  else say("There is nothing to take back.");
}

/** @param {boolean} isMirrored */
function setMirrored(isMirrored) {
  stage.toggleAttribute("data-mirrored", isMirrored);
}

function openGuide() {
  if (!guide.open) guide.showModal();
}

/** Space and Enter must not press again the button that was clicked last. */
function focusStage() {
  stage.focus({ preventScroll: true });
}

/** @param {string} sentence */
function note(sentence) {
  const line = document.createElement("p");
  line.className = "notice warn";
  line.textContent = sentence;
  notes.append(line);
  while (notes.children.length > 3) notes.firstElementChild?.remove();
  setTimeout(() => line.remove(), 12_000);
  say(sentence);
}

function wireButtons() {
  for (const button of buttons) {
    button.addEventListener("click", (event) => {
      answer(button.dataset.answer ?? UNSURE);
      if (event.detail > 0) focusStage();
    });
  }
  find("[data-undo]", HTMLButtonElement).addEventListener("click", undo);
  for (const opener of document.querySelectorAll("[data-open-guide]")) {
    opener.addEventListener("click", openGuide);
  }
  find("[data-look-again]", HTMLButtonElement).addEventListener("click", lookAgain);
  const mirror = find("[data-mirror]", HTMLButtonElement);
  mirror.addEventListener("pointerdown", () => setMirrored(true));
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) {
    mirror.addEventListener(end, () => setMirrored(false));
  }
  mirror.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") setMirrored(true);
  });
  mirror.addEventListener("keyup", () => setMirrored(false));
}

function wireKeys() {
  keysBox.checked = localStorage.getItem("single-keys") !== "off";
  keysBox.addEventListener("change", () => {
    localStorage.setItem("single-keys", keysBox.checked ? "on" : "off");
  });
  const choices = buttons
    .filter((button) => button.dataset.answer !== UNSURE)
    .map((button) => ({ value: button.dataset.answer ?? "", key: button.dataset.key ?? "" }));
  listen(keyMap(choices), {
    press: (action) => {
      if (action.act === "answer") answer(action.choice);
      else if (action.act === "undo") undo();
      else if (action.act === "help") openGuide();
      else setMirrored(true);
    },
    release: (action) => {
      if (action.act === "mirror") setMirrored(false);
    },
    isOff: () => !keysBox.checked,
  });
}

function lookAgain() {
  if (current) return;
  setStage("loading");
  queue.refill();
}

function wireQueue() {
  queue.addEventListener("ready", () => {
    if (!current) advance();
  });
  queue.addEventListener("empty", () => {
    // The end is certain only once everything we answered has arrived: see "changed" below.
    if (!current && outbox.waiting.length === 0) setStage("empty");
  });
  queue.addEventListener("trouble", (event) => {
    const error = event instanceof CustomEvent ? event.detail : null;
    state.fetchTrouble = error;
    if (current) return;
    find("[data-trouble]", HTMLElement).textContent = error?.isSignedOut
      ? "Your session has ended. Sign in again to go on."
      : (error?.message ?? "");
    setStage(error ? "trouble" : "loading");
  });
  queue.addEventListener("skipped", (event) => {
    if (!(event instanceof CustomEvent)) return;
    note(`${event.detail.filename} was skipped: ${event.detail.why}.`);
  });
  queue.addEventListener("open", (event) => {
    if (event instanceof CustomEvent) state.open = event.detail;
  });
  outbox.addEventListener("rejected", (event) => {
    if (!(event instanceof CustomEvent)) return;
    recent.refuse(event.detail.id);
    answered.delete(event.detail.vote?.face);
    say("An answer was not stored; see below the face.");
  });
  outbox.addEventListener("changed", () => {
    if (!current && stage.dataset.shows === "loading" && outbox.waiting.length === 0) queue.refill();
  });
}

function wirePage() {
  setInterval(() => {
    if (document.visibilityState === "visible") queue.renew();
  }, RENEW_EVERY_MS);
  setInterval(() => {
    if (stage.dataset.shows === "empty" && document.visibilityState === "visible") queue.refill();
  }, LOOK_AGAIN_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    queue.renew();
    outbox.flush();
  });
  addEventListener("online", () => outbox.flush());
  addEventListener("blur", () => setMirrored(false));
  addEventListener("pagehide", () => {
    outbox.sendAndLeave();
    queue.letGo();
  });
  addEventListener("pageshow", (event) => {
    // Out of the browser's page cache: our leases were given back, so begin anew.
    if (event.persisted) location.reload();
  });
}

wireButtons();
wireKeys();
wireQueue();
wirePage();
setStage("loading");
await outbox.open();
// What an earlier tab left is on its way; the server may still lease us those faces.
for (const { vote } of outbox.waiting) if (vote) answered.add(vote.face);
queue.refill();
