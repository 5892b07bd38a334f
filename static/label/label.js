// @ts-check
/** The label page: wires keys, fingers, faces, outbox and what is said about them. */

import { uuid } from "../api.js";
import { keyMap, listen, UNSURE } from "./keys.js";
import { Layouts } from "./layouts.js";
import { Pace } from "./pace.js";
import { find, given } from "./parts.js";
import { FaceQueue } from "./queue.js";
import { Recent } from "./recent.js";
import { Stage } from "./stage.js";
import { SaveState } from "./state.js";
import { Stopwatch } from "./stopwatch.js";
import { touch } from "./touch.js";
import { countToday, leasesOf, outboxOf, stayInTouch, whyNone } from "./visit.js";

/** @typedef {import("./queue.js").Face} Face */
/** @typedef {import("./recent.js").Answer} Answer */
/** @typedef {import("./keys.js").Action} Action */

const LOOK_AGAIN_MS = 20_000;

const desk = find("#desk", HTMLElement);
const guide = find("[data-guide]", HTMLDialogElement);
const keysBox = find("[data-keys-on]", HTMLInputElement);
const voice = find("[data-voice]", HTMLElement);
const notes = find("[data-notes]", HTMLElement);

/** @type {HTMLButtonElement[]} */
const buttons = Array.from(document.querySelectorAll("button[data-answer]"));
const labels = new Map(buttons.map((b) => [b.dataset.answer ?? "", b.dataset.label ?? ""]));
const values = [...labels.keys()].filter((value) => value !== UNSURE);

/** @type {Face | null} */
let current = null;
/** @type {Set<number>} answered on this page and not taken back */
const answered = new Set();
const watch = new Stopwatch();

const outbox = outboxOf(desk);
const queue = new FaceQueue(leasesOf(desk, given(desk, "turnsUrl")), {
  outboxIsRead: outbox.open(),
  // What an earlier tab left is on its way; the server may still lease us those faces.
  isAnswered: (face) => answered.has(face) || outbox.holds(face),
});
const stage = new Stage(say);
const state = new SaveState(desk, outbox, say);
const pace = new Pace(desk);
const recent = new Recent(
  find("[data-recent]", HTMLElement),
  find("[data-recent-item]", HTMLTemplateElement),
  takeBack,
);
const layouts = new Layouts(find("[data-layouts]", HTMLElement), buttons, {
  changed: (layout) => {
    map = keyMap(values, layout);
    say("Your keys have changed.");
  },
  failed: (why) => note(`These keys hold on this page; they could not be kept for later: ${why}`),
});
let map = keyMap(values, layouts.current);

/** @param {string} sentence for those who do not see the page */
function say(sentence) {
  voice.textContent = sentence;
}

/** @param {"loading" | "face" | "empty" | "trouble"} what the stage shows */
function setStage(what) {
  stage.shows = what;
  for (const button of buttons) button.disabled = what !== "face";
}

function advance() {
  current = queue.take();
  if (current) show(current);
  else if (stage.shows === "face") {
    stage.clear();
    setStage("loading");
    queue.refill();
  }
}

/** @param {Face} face */
function show(face) {
  current = face;
  queue.shown = face.face;
  const { suggestion } = face;
  stage.show(
    face,
    suggestion
      ? `The model says ${labels.get(suggestion.choice) ?? suggestion.choice}, ${Math.round(suggestion.probability * 100)} %`
      : "",
  );
  if (buttons[0].disabled) setStage("face");
  watch.restart();
}

/** @param {string} choice */
function answer(choice) {
  if (!current) return;
  const face = current;
  const { seconds } = watch;
  const label = labels.get(choice) ?? choice;
  const id = uuid();
  answered.add(face.face);
  outbox.add({
    id,
    face: face.face,
    filename: face.filename,
    choice,
    seconds,
    suggestion_shown: face.suggestion !== null,
  });
  recent.add({ id, face, choice, label });
  advance();
  flash(choice);
  pace.answered(seconds);
  const what = current ? `Next face. ${stage.suggestion}` : "Fetching the next face.";
  say(`${label}. ${pace.today} today. ${what}`.trim());
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
  pace.takenBack();
  say(`Taken back: ${was.label}. The face is here again.`);
  stage.focus();
}

function undo() {
  const last = recent.last;
  if (last) takeBack(last);
  else say("There is nothing to take back.");
}

function openGuide() {
  if (!guide.open) guide.showModal();
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
      if (event.detail > 0) stage.focus();
    });
  }
  find("[data-undo]", HTMLButtonElement).addEventListener("click", undo);
  for (const opener of document.querySelectorAll("[data-open-guide]")) {
    opener.addEventListener("click", openGuide);
  }
  find("[data-look-again]", HTMLButtonElement).addEventListener("click", lookAgain);
  touch(stage, desk.classList.contains("sided"), buttons, answer);
}

/** @param {Action} action */
function press(action) {
  if (action.act === "answer") answer(action.choice);
  else if (action.act === "undo") undo();
  else if (action.act === "help") openGuide();
  else if (!current) return;
  else if (action.act === "mirror") stage.mirrorPeek.press();
  else if (action.act === "zoom") stage.zoomPeek.press();
  else if (action.act === "closer") stage.zoom.step(1);
  else if (action.act === "farther") stage.zoom.step(-1);
  else if (action.act === "move") stage.zoom.nudge(action.x, action.y);
}

function wireKeys() {
  keysBox.checked = localStorage.getItem("single-keys") !== "off";
  keysBox.addEventListener("change", () => {
    localStorage.setItem("single-keys", keysBox.checked ? "on" : "off");
  });
  listen(() => map, {
    press,
    release: ({ act }) => {
      if (act === "mirror") stage.mirrorPeek.release();
      if (act === "zoom") stage.zoomPeek.release();
    },
    isOff: () => !keysBox.checked,
  });
}

function lookAgain() {
  if (current) return;
  setStage("loading");
  queue.refill();
}

/** @param {import("../api.js").ApiError | null} error why no faces come */
function tellTrouble(error) {
  state.fetchTrouble = error;
  if (current) return;
  find("[data-trouble]", HTMLElement).textContent = whyNone(error);
  find("[data-quiz]", HTMLElement).hidden = !error?.needsQuiz;
  setStage(error ? "trouble" : "loading");
}

function wireQueue() {
  /** @param {string} name @param {(detail: any) => void} act */
  const on = (name, act) =>
    queue.addEventListener(name, (event) => act(event instanceof CustomEvent ? event.detail : null));
  on("ready", () => {
    if (!current) advance();
  });
  on("empty", () => {
    // The end is certain only once everything we answered has arrived: see "changed" below.
    if (!current && outbox.waiting.length === 0) setStage("empty");
  });
  on("trouble", tellTrouble);
  on("skipped", ({ filename, why }) => note(`${filename} was skipped: ${why}.`));
  on("lost", (face) => {
    // A vote that is just being taken back still ends in a lease of ours.
    if (current?.face !== face || outbox.waiting.length > 0) return;
    note("That face went to somebody else; here is another.");
    advance();
  });
  on("open", (faces) => (state.open = faces));
  outbox.addEventListener("rejected", (event) => {
    if (!(event instanceof CustomEvent)) return;
    recent.refuse(event.detail.id);
    answered.delete(event.detail.vote?.face);
    say("An answer was not stored; see below the face.");
  });
  outbox.addEventListener("stored", () => {
    // What kept faces from us may be over, too: the campaign is open again, the quiz passed.
    if (state.trouble && !state.trouble.isPassing) queue.refill();
  });
  outbox.addEventListener("changed", () => {
    if (!current && stage.shows === "loading" && outbox.waiting.length === 0) queue.refill();
  });
}

function wirePage() {
  stayInTouch(desk, outbox, { renew: () => queue.renew(), leave: () => queue.letGo() });
  setInterval(() => {
    if (stage.shows === "empty" && document.visibilityState === "visible") queue.refill();
  }, LOOK_AGAIN_MS);
  addEventListener("blur", () => stage.whole());
}

wireButtons();
wireKeys();
wireQueue();
wirePage();
setStage("loading");
queue.refill();
countToday(desk, pace);
