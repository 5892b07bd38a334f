// @ts-check
/** The verify page: wires cells, keys, the card, the supply of faces and the outbox. */

import { uuid } from "../api.js";
import { keyMap } from "../label/keys.js";
import { Pace } from "../label/pace.js";
import { find, given } from "../label/parts.js";
import { SaveState } from "../label/state.js";
import { countToday, leasesOf, outboxOf, stayInTouch, whyNone } from "../label/visit.js";
import { Activity } from "./activity.js";
import { Cells } from "./cells.js";
import { Closer } from "./closer.js";
import { listen } from "./keyboard.js";
import { Supply } from "./supply.js";

/** @typedef {import("./supply.js").Cell} Cell */
/** @typedef {{cells: Cell[], ids: string[]}} Confirmed a page that was answered */

/** Pages that can be taken back. */
const REMEMBERED = 3;
/** The next page comes at once; a key pressed twice must not confirm it unseen. */
const UNSEEN_MS = 700;

const desk = find("#grid-desk", HTMLElement);
const voice = find("[data-voice]", HTMLElement);
const confirmButton = find("[data-confirm]", HTMLButtonElement);
const undoButton = find("[data-undo]", HTMLButtonElement);
const question = find("[data-question]", HTMLElement);

/** @type {HTMLButtonElement[]} */
const picks = Array.from(desk.querySelectorAll("button[data-pick]"));
const values = picks.map((pick) => pick.dataset.pick ?? "");
/** @type {HTMLElement[]} */
const offers = Array.from(document.querySelectorAll("[data-closer] [data-choice]"));
const map = keyMap(values, JSON.parse(given(desk, "layout")));

/** @type {Cell[]} */
let page = [];
/** @type {number[]} cells of this page whose answer was changed, in order */
let marked = [];
/** @type {Confirmed[]} */
let confirmed = [];
/** @type {Set<number>} answered on this page and not taken back */
const answered = new Set();
let shownAt = 0;
/** Counts what was asked to be shown, so that a page that comes late is told apart. */
let asked = 0;
let peeking = false;
let wantsFocus = false;

const outbox = outboxOf(desk);
const state = new SaveState(desk, outbox, say);
const pace = new Pace(desk);
const activity = new Activity();
const supply = new Supply(leasesOf(desk, given(desk, "gridUrl")), {
  outboxIsRead: outbox.open(),
  isAnswered: (face) => answered.has(face) || outbox.holds(face),
});
const cells = new Cells(
  find("[data-cells]", HTMLElement),
  find("[data-cell]", HTMLTemplateElement),
  { open: (index) => openCard(index, true), name, glyph },
);
const closer = new Closer(
  find("[data-closer]", HTMLElement),
  (choice) => mark(cells.meant, choice),
  () => {
    if (!peeking) cells.focus(cells.meant);
    peeking = false;
  },
);

/** @param {string} sentence for those who do not see the page */
function say(sentence) {
  voice.textContent = sentence;
}

/** @param {string} choice @returns {string} for people */
function name(choice) {
  const offer = offers.find((one) => one.dataset.choice === choice);
  return offer?.dataset.label ?? choice;
}

/** @param {string} choice @returns {Node} */
function glyph(choice) {
  const offer = offers.find((one) => one.dataset.choice === choice);
  return offer?.querySelector("svg")?.cloneNode(true) ?? document.createTextNode("");
}

/** @returns {number} how many cells fit between the head and the foot of the page */
function room() {
  const foot = find("[data-foot]", HTMLElement).offsetHeight + 28;
  const top = cells.grid.getBoundingClientRect().top + scrollY;
  return cells.fit(document.documentElement.clientHeight - top - foot);
}

async function next() {
  const mine = (asked += 1);
  page = [];
  marked = [];
  supply.shown.clear();
  setShows("loading");
  const { era } = supply;
  const faces = await supply.take(room()).catch(() => null); // why not is told by "trouble"
  if (!faces) return;
  if (mine === asked) show(faces);
  else if (era === supply.era) supply.putBack(faces);
}

/** @param {Cell[]} faces */
function show(faces) {
  page = faces;
  marked = faces.flatMap((cell, at) => (cell.answer === cell.proposed ? [] : [at]));
  supply.shown = new Set(faces.map(({ face }) => face));
  for (const pick of picks) {
    pick.setAttribute("aria-pressed", String(pick.dataset.pick === supply.choice));
  }
  const pick = picks.find((one) => one.dataset.pick === supply.choice);
  if (pick) question.textContent = pick.dataset.question ?? "";
  // Enter must confirm this page, not press again what was clicked to get here.
  const hadFocus = cells.grid.contains(document.activeElement) || wantsFocus;
  wantsFocus = false;
  cells.show(faces);
  setShows(faces.length > 0 ? "cells" : "empty");
  if (hadFocus) cells.focus(0);
  draw();
  activity.restart();
  shownAt = performance.now();
  // The page after this one, while this one is looked at.
  if (faces.length > 0) supply.fill(faces.length).catch(() => {});
}

/** @param {"loading" | "cells" | "empty" | "trouble"} what */
function setShows(what) {
  desk.dataset.shows = what;
  confirmButton.disabled = what !== "cells";
}

/** Say on the buttons what they would do. */
function draw() {
  const exceptions = page.filter((cell) => cell.answer !== cell.proposed).length;
  const rest = page.length - exceptions;
  const label = confirmButton.querySelector("span");
  if (label) {
    const rests = name(supply.choice ?? "");
    if (page.length === 0) label.textContent = "Nothing to confirm";
    else if (exceptions === 0) label.textContent = `All ${rest} are ${rests}`;
    else label.textContent = `Confirm ${rest} as ${rests}, ${exceptions} otherwise`;
  }
  const undoLabel = undoButton.querySelector("span");
  if (undoLabel) undoLabel.textContent = marked.length > 0 ? "Undo mark" : "Undo last page";
  undoButton.disabled = marked.length === 0 && confirmed.length === 0;
}

/** @param {number} index @param {string} choice */
function mark(index, choice) {
  const cell = page[index];
  if (!cell) return;
  if (cell.answer !== choice) {
    marked = marked.filter((other) => other !== index);
    if (choice !== cell.proposed) marked.push(index);
    cell.answer = choice;
    cells.draw(index);
    draw();
  }
  say(`Face ${index + 1}: ${name(choice)}.`);
}

/** @param {number} index @param {boolean} isAsking */
function openCard(index, isAsking) {
  if (!page[index]) return;
  cells.meant = index;
  peeking = !isAsking;
  closer.open(cells.buttons[index], page[index].picture, page[index].answer, isAsking);
}

function confirm() {
  if (confirmButton.disabled || performance.now() - shownAt < UNSEEN_MS) return;
  closer.close();
  const { seconds } = activity;
  const each = Math.round((1000 * seconds) / page.length) / 1000;
  const votes = page.map(({ face, filename, answer }) => {
    answered.add(face);
    return { id: uuid(), face, filename, choice: answer, seconds: each, suggestion_shown: true };
  });
  outbox.add(...votes);
  confirmed.push({ cells: page, ids: votes.map(({ id }) => id) });
  for (const old of confirmed.splice(0, confirmed.length - REMEMBERED)) forget(old);
  pace.answered(seconds, page.length);
  say(`${page.length} answers, ${pace.today} today. Next page.`);
  next();
}

/** @param {Confirmed} old */
function forget(old) {
  for (const { picture } of old.cells) URL.revokeObjectURL(picture.src);
}

function undo() {
  closer.close();
  const index = marked.at(-1);
  if (index !== undefined) {
    mark(index, page[index].proposed);
    cells.focus(index);
    return;
  }
  const last = confirmed.pop();
  if (!last) return say("There is nothing to take back.");
  outbox.takeBack(...last.ids);
  for (const { face } of last.cells) answered.delete(face);
  pace.takenBack(last.cells.length);
  asked += 1;
  if (supply.choice === last.cells[0].proposed) supply.putBack(page);
  else supply.choose(last.cells[0].proposed);
  show(last.cells);
  say("The last page is back; its answers are taken back.");
}

function wireKeysAndButtons() {
  listen(map, cells.grid, closer, {
    confirm,
    undo,
    mark: (choice) => {
      closer.close();
      mark(cells.meant, choice);
    },
    move: (key) => page.length > 0 && cells.move(key),
    peek: (isOn) => {
      if (isOn && !closer.isOpen) openCard(cells.meant, false);
      if (!isOn && peeking) closer.close();
    },
  });
  confirmButton.addEventListener("click", confirm);
  undoButton.addEventListener("click", (event) => {
    undo();
    if (event.detail > 0) cells.focus(cells.meant);
  });
  for (const pick of picks) {
    pick.addEventListener("click", () => {
      if (pick.dataset.pick === supply.choice && page.length > 0) return;
      supply.choose(pick.dataset.pick ?? null);
      wantsFocus = true;
      next();
    });
  }
  find("[data-look-again]", HTMLButtonElement).addEventListener("click", next);
}

function wireSupply() {
  supply.addEventListener("open", (event) => {
    const open = event instanceof CustomEvent ? event.detail : {};
    for (const pick of picks) {
      const count = pick.querySelector("[data-count]");
      if (count) count.textContent = Number(open[pick.dataset.pick ?? ""] ?? 0).toLocaleString("en");
    }
  });
  supply.addEventListener("trouble", (event) => {
    const error = event instanceof CustomEvent ? event.detail : null;
    state.fetchTrouble = error;
    if (!error || page.length > 0) return;
    find("[data-trouble]", HTMLElement).textContent = whyNone(error);
    find("[data-quiz]", HTMLElement).hidden = !error.needsQuiz;
    setShows("trouble");
  });
  outbox.addEventListener("rejected", () => say("An answer was not stored; see below the faces."));
}

function wirePage() {
  stayInTouch(desk, outbox, { renew: () => supply.renew(), leave: () => supply.leave() });
  addEventListener("resize", () => {
    if (page.length === 0) return;
    room();
    const { meant } = cells;
    cells.show(page);
    cells.meant = meant;
  });
}

wireKeysAndButtons();
wireSupply();
wirePage();
countToday(desk, pace);
next();
