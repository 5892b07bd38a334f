// @ts-check
/** The page of contested faces: one at a time, by keys, the votes hidden until asked for. */

import { ApiError, request } from "../api.js";
import { belongsElsewhere, keyMap, UNSURE } from "../label/keys.js";
import { find, given } from "../label/parts.js";

/**
 * @typedef {object} Contested as GET /contested answers
 * @property {number} face
 * @property {string} filename
 * @property {string} image
 * @property {{annotator: string, choice: string}[]} votes
 * @property {{choice: string, probability: number} | null} consensus
 *
 * @typedef {{face: Contested, picture: HTMLImageElement, word: string | null}} Seen
 */

/** The next list is fetched while so many faces are still left. */
const FETCH_AT = 20;
const PRELOADED = 3;

const judge = find("[data-judge]", HTMLElement);
const frame = find("[data-frame]", HTMLElement);
const votesBox = find("[data-votes]", HTMLElement);
const votesButton = find("[data-show-votes]", HTMLButtonElement);
const skipButton = find("[data-skip]", HTMLButtonElement);
const undoButton = find("[data-undo]", HTMLButtonElement);
const voice = find("[data-voice]", HTMLElement);
const errorBox = find("[data-error]", HTMLElement);
const settled = find("[data-settled]", HTMLElement);

/** @type {HTMLButtonElement[]} */
const buttons = Array.from(judge.querySelectorAll("button[data-answer]"));
const values = buttons.map((b) => b.dataset.answer ?? "").filter((value) => value !== UNSURE);
const labels = new Map(buttons.map((b) => [b.dataset.answer ?? "", b.dataset.label ?? ""]));
const map = keyMap(values, JSON.parse(given(judge, "layout")));
/** An answer's own key comes before a tool's. */
const isTaken = (/** @type {string} */ key) => map.get(key)?.act === "answer";
const TOOLS = new Map([["v", showVotes], ["n", skip]]);
for (const [key, button] of /** @type {const} */ ([["v", votesButton], ["n", skipButton]])) {
  if (isTaken(key)) button.querySelector("kbd")?.remove();
}

/** @type {Seen[]} what comes next */
let ahead = [];
/** @type {Seen[]} what was judged or left */
const behind = [];
/** @type {Seen | null} */
let current = null;
/** @type {string | null} where the list goes on */
let more = given(judge, "contestedUrl");
let isFetching = false;
/** @type {Set<number>} a face comes once, whatever the list says */
const known = new Set();
/** @type {Map<number, string>} faces given a word here, and the word that was stored last */
const stored = new Map();
let nSettled = Number(settled.dataset.n ?? 0);

/** @param {"loading" | "face" | "empty" | "trouble"} what */
function setShown(what) {
  judge.dataset.shows = what;
  const isFace = what === "face";
  for (const button of [...buttons, skipButton, votesButton]) button.disabled = !isFace;
  undoButton.disabled = behind.length === 0;
}

async function fetchMore() {
  if (isFetching || more === null) return;
  isFetching = true;
  try {
    const list = await request(more);
    more = list.next;
    for (const face of list.results) {
      if (known.has(face.face)) continue;
      known.add(face.face);
      ahead.push({ face, picture: new Image(), word: null });
    }
    preload();
    isFetching = false;
    if (!current) advance();
  } catch (error) {
    isFetching = false;
    if (!(error instanceof ApiError)) throw error;
    if (current) return;
    find("[data-trouble]", HTMLElement).textContent = error.isSignedOut
      ? "Your session has ended. Sign in again to go on."
      : error.message;
    setShown("trouble");
  }
}

function preload() {
  for (const { face, picture } of ahead.slice(0, PRELOADED)) {
    if (picture.src) continue;
    picture.alt = "The contested face";
    picture.src = face.image;
  }
}

function advance() {
  current = ahead.shift() ?? null;
  if (ahead.length < FETCH_AT) fetchMore();
  preload();
  if (current) show(current);
  else {
    frame.replaceChildren();
    setShown(isFetching ? "loading" : "empty");
  }
}

/** @param {Seen} seen */
function show(seen) {
  current = seen;
  if (!seen.picture.src) seen.picture.src = seen.face.image;
  seen.picture.onerror = () => fail(`The picture of ${seen.face.filename} does not load.`);
  frame.replaceChildren(seen.picture);
  votesBox.hidden = true;
  votesButton.setAttribute("aria-expanded", "false");
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.answer === seen.word));
  }
  setShown("face");
}

function showVotes() {
  if (!current) return;
  const isShown = votesBox.hidden;
  votesBox.hidden = !isShown;
  votesButton.setAttribute("aria-expanded", String(isShown));
  if (!isShown) return;
  const { face } = current;
  const label = (/** @type {string} */ choice) => labels.get(choice) ?? choice;
  const believed = face.consensus
    ? ` Believed so far: ${label(face.consensus.choice)}, ${Math.round(face.consensus.probability * 100)} %.`
    : "";
  const about = `${face.filename}.${believed}`;
  find("[data-about]", HTMLElement).textContent = about;
  const items = face.votes.map(({ annotator, choice }) => {
    const item = document.createElement("li");
    item.textContent = `${annotator.split(":").pop()}: ${label(choice)}`;
    return item;
  });
  find("[data-votes-list]", HTMLElement).replaceChildren(...items);
  voice.textContent = `${about} ${items.map((item) => item.textContent).join(", ")}`;
}

/** @param {string} choice */
function decide(choice) {
  if (!current) return;
  const seen = current;
  seen.word = choice;
  behind.push(seen);
  current = null;
  errorBox.hidden = true;
  voice.textContent = `${labels.get(choice) ?? choice}.`;
  store(seen.face, choice);
  advance();
}

/** Words on one face are sent one after the other, so that the newest is really the last. */
let sending = Promise.resolve();

/**
 * @param {Contested} face
 * @param {string} choice
 */
function store(face, choice) {
  sending = sending.then(() => send(face, choice));
}

/**
 * @param {Contested} face
 * @param {string} choice
 */
async function send(face, choice) {
  // Gone back to, and given the same word: it stands already.
  if (stored.get(face.face) === choice) return;
  try {
    await request(given(judge, "wordsUrl"), { body: { face: face.face, choice } });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    fail(`${face.filename} was not stored: ${error.message} Go back to it and answer again.`);
    return;
  }
  if (!stored.has(face.face)) nSettled += 1;
  stored.set(face.face, choice);
  settled.textContent = String(nSettled);
}

/** @param {string} sentence */
function fail(sentence) {
  errorBox.textContent = sentence;
  errorBox.hidden = false;
}

function skip() {
  if (!current) return;
  behind.push(current);
  voice.textContent = "Left as it is.";
  current = null;
  advance();
}

function undo() {
  const last = behind.pop();
  if (!last) return;
  if (current) ahead.unshift(current);
  show(last);
  voice.textContent = last.word
    ? `Back at a face you called ${labels.get(last.word) ?? last.word}.`
    : "Back at a face you left.";
  frame.focus({ preventScroll: true });
}

for (const button of buttons) {
  button.addEventListener("click", (event) => {
    decide(button.dataset.answer ?? UNSURE);
    if (event.detail > 0) frame.focus({ preventScroll: true });
  });
}
skipButton.addEventListener("click", skip);
undoButton.addEventListener("click", undo);
votesButton.addEventListener("click", showVotes);
find("[data-again]", HTMLButtonElement).addEventListener("click", () => {
  setShown("loading");
  fetchMore();
});

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.repeat || belongsElsewhere(event)) return;
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = map.get(event.code) ?? map.get(key);
  if (action?.act === "answer") decide(action.choice);
  else if (action?.act === "undo") undo();
  else if (TOOLS.has(key)) TOOLS.get(key)?.();
  else return;
  event.preventDefault();
});

setShown("loading");
fetchMore();
