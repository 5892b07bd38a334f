// @ts-check
/** The quiz: one face at a time, an answer stored by the server, and only then what was right. */

import { ApiError, request } from "../api.js";
import { belongsElsewhere, keyMap, listen, UNSURE } from "./keys.js";
import { find, given } from "./parts.js";

/**
 * @typedef {{choice: string, is_right: boolean, truth: string}} Answer
 * @typedef {{question: string, image: string, answer: Answer | null}} Question
 */

const RETRY_MS = 4000;
// Whoever answers twice in a hurry should still see what was right.
const GRACE_MS = 350;

const quiz = find("#quiz", HTMLElement);
const stage = find("[data-stage]", HTMLElement);
const frame = find("[data-frame]", HTMLElement);
const count = find("[data-count]", HTMLElement);
const verdict = find("[data-verdict]", HTMLElement);
const said = find("[data-said]", HTMLElement);
const why = find("[data-why]", HTMLElement);
const nextButton = find("[data-next]", HTMLButtonElement);
const trouble = find("[data-trouble]", HTMLElement);
const troubleText = find("[data-trouble-text]", HTMLElement);
const signIn = find("[data-sign-in]", HTMLElement);
const voice = find("[data-voice]", HTMLElement);
const dots = Array.from(document.querySelectorAll("[data-dots] li"));
/** @type {HTMLButtonElement[]} */
const buttons = Array.from(document.querySelectorAll("button[data-answer]"));
const labels = new Map(buttons.map((b) => [b.dataset.answer ?? "", b.dataset.label ?? ""]));
// "Right" is a side here, so what is right is said in a few words more.
const phrases = new Map(buttons.map((b) => [b.dataset.answer ?? "", b.dataset.phrase ?? ""]));
const urls = { quiz: given(quiz, "quizUrl"), answers: given(quiz, "answersUrl") };

/** @type {"loading" | "asking" | "sending" | "told" | "leaving"} */
let phase = "loading";
let attempt = 0;
/** @type {Question[]} */
let questions = [];
let place = 0;
let toldAt = 0;
let isLast = false;
/** @type {(() => void) | null} what to do again when the server answers again */
let again = null;
let retry = 0;

/** Begin, or go on where this person stopped, here or in another tab. */
async function resume() {
  phase = "loading";
  const state = await reach(resume, () => request(urls.quiz));
  if (!state) return;
  questions = state.attempt?.questions ?? [];
  attempt = state.attempt?.id ?? 0;
  questions.forEach(({ answer }, index) => answer && mark(index, answer.is_right));
  place = questions.findIndex(({ answer }) => !answer);
  if (place < 0) leave();
  else {
    for (const { answer, image } of questions) if (!answer) new Image().src = image;
    ask();
  }
}

function ask() {
  const picture = new Image(178, 218);
  picture.src = questions[place].image;
  picture.alt = `Face ${place + 1} of ${questions.length}`;
  picture.draggable = false;
  frame.replaceChildren(picture);
  count.textContent = picture.alt;
  dots[place]?.setAttribute("data-now", "");
  verdict.hidden = true;
  delete stage.dataset.truth;
  for (const button of buttons) {
    button.disabled = false;
    button.removeAttribute("data-verdict");
  }
  stage.dataset.shows = "face";
  quiz.dataset.phase = phase = "asking";
  // Also takes Enter from the button that was pressed last.
  stage.focus({ preventScroll: true });
  say(picture.alt);
}

/** @param {string} choice */
async function answer(choice) {
  if (phase !== "asking") return;
  phase = "sending";
  for (const button of buttons) button.disabled = true;
  await send(choice);
}

/** @param {string} choice */
async function send(choice) {
  const { question } = questions[place];
  const stored = await reach(
    () => send(choice),
    () => request(urls.answers, { body: { attempt, question, choice } }),
  );
  if (stored) tell(stored);
}

/** @param {Answer & {why: string, is_last: boolean}} stored */
function tell(stored) {
  isLast = stored.is_last;
  mark(place, stored.is_right);
  const is = phrases.get(stored.truth) ?? stored.truth;
  said.textContent = stored.is_right ? `Yes: ${is}.` : `Not this one: ${is}.`;
  why.textContent = stored.why;
  verdict.dataset.right = String(stored.is_right);
  verdict.hidden = false;
  if (quiz.hasAttribute("data-shows-light")) stage.dataset.truth = stored.truth;
  for (const button of buttons) {
    if (button.dataset.answer === stored.truth) button.dataset.verdict = "right";
    else if (button.dataset.answer === stored.choice) button.dataset.verdict = "wrong";
  }
  nextButton.firstChild?.replaceWith(isLast ? "See the result " : "Next ");
  quiz.dataset.phase = phase = "told";
  toldAt = performance.now();
  nextButton.focus({ preventScroll: true });
  const chosen = stored.is_right ? "" : `You said ${labels.get(stored.choice)}. `;
  say(`${chosen}${said.textContent} ${stored.why}`);
}

function next() {
  if (phase !== "told" || performance.now() - toldAt < GRACE_MS) return;
  if (isLast) leave();
  else {
    // In another tab some faces may have been answered: the server knows which are left.
    dots[place]?.removeAttribute("data-now");
    const later = questions.findIndex(({ answer: given }, index) => index > place && !given);
    if (later < 0) resume();
    else {
      place = later;
      ask();
    }
  }
}

/** The result is a page of its own; it is fetched only when the server can be reached. */
async function leave() {
  phase = "leaving";
  if (await reach(leave, () => request(urls.quiz))) location.reload();
}

/**
 * What the server says, or null; then people are told why, and it is tried again.
 * @param {() => void} repeat
 * @param {() => Promise<any>} call
 */
async function reach(repeat, call) {
  clearTimeout(retry);
  try {
    const data = await call();
    again = null;
    trouble.hidden = true;
    return data;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.code === "already_answered") {
      // The other tab was first; its answer stands.
      resume();
      return null;
    }
    if (error.status === 404) {
      location.reload();
      return null;
    }
    again = repeat;
    signIn.hidden = !error.isSignedOut;
    troubleText.textContent = sentence(error);
    trouble.hidden = false;
    if (error.isPassing) retry = setTimeout(repeat, RETRY_MS);
    return null;
  }
}

/** @param {ApiError} error */
function sentence(error) {
  if (error.isSignedOut) return "Your session has ended. Sign in again: the quiz goes on here.";
  if (!error.isPassing) return error.message;
  return "The server does not answer. Your answer is kept on this page; it is tried again.";
}

/**
 * @param {number} index
 * @param {boolean} isRight
 */
function mark(index, isRight) {
  dots[index]?.removeAttribute("data-now");
  dots[index]?.setAttribute("data-right", String(isRight));
}

/** @param {string} text for those who do not see the page */
function say(text) {
  voice.textContent = text;
}

for (const button of buttons) {
  button.addEventListener("click", () => answer(button.dataset.answer ?? UNSURE));
}
nextButton.addEventListener("click", next);
find("[data-try-again]", HTMLButtonElement).addEventListener("click", () => again?.());
addEventListener("online", () => again?.());

const values = buttons.map((b) => b.dataset.answer ?? "").filter((value) => value !== UNSURE);
const keys = keyMap(values, JSON.parse(given(quiz, "layout")));
const isOff = () => localStorage.getItem("single-keys") === "off";
listen(() => keys, {
  press: (action) => {
    if (action.act === "answer") answer(action.choice);
  },
  release: () => {},
  isOff,
});
// After the listener above, which lets a key pass that comes while the answer is told.
document.addEventListener("keydown", (event) => {
  if (phase !== "told" || event.repeat || isOff() || belongsElsewhere(event)) return;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(Tab|Shift|Escape|CapsLock|F\d+|Dead|Process|Page.*|Home|End)$/.test(event.key)) return;
  event.preventDefault();
  next();
});
resume();
