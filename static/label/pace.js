// @ts-check
/** One's own progress: how many today, how fast, and how many without a pause. */

/** Seconds on one face beyond which somebody thought of something else. */
const MOST_SECONDS = 15;
const PAUSE_SECONDS = 30;
/** Weight of the newest answer in the speed. */
const NEWEST = 0.1;
const SPEED_FROM = 5;
const STREAK_FROM = 10;

export class Pace {
  /** @param {HTMLElement} desk */
  constructor(desk) {
    this.desk = desk;
    this.today = 0;
    this.answers = 0;
    this.streak = 0;
    this.secondsEach = 0;
    this.lastAt = performance.now();
  }

  /** @param {number} votes cast today before this page opened */
  begin(votes) {
    this.today += votes;
    this.#draw();
  }

  /** @param {number} seconds on screen @param {number} [faces] answered in that time */
  answered(seconds, faces = 1) {
    const now = performance.now();
    const isPause = (now - this.lastAt) / faces > PAUSE_SECONDS * 1000;
    this.lastAt = now;
    this.streak = isPause ? faces : this.streak + faces;
    for (let face = 0; face < faces; face += 1) this.#count(Math.min(seconds / faces, MOST_SECONDS));
    this.#draw();
  }

  /** @param {number} [faces] */
  takenBack(faces = 1) {
    this.today = Math.max(0, this.today - faces);
    this.streak = Math.max(0, this.streak - faces);
    this.#draw();
  }

  /** @param {number} seconds */
  #count(seconds) {
    this.today += 1;
    this.answers += 1;
    // At first a plain mean, so that the first face does not weigh for ever.
    const weight = Math.max(NEWEST, 1 / this.answers);
    this.secondsEach += weight * (seconds - this.secondsEach);
  }

  #draw() {
    this.#text("today", this.today.toLocaleString("en"));
    const isKnown = this.answers >= SPEED_FROM && this.secondsEach > 0;
    this.#text("speed", isKnown ? String(Math.round(60 / this.secondsEach)) : "–");
    this.#text("streak", this.streak >= STREAK_FROM ? `${this.streak} without a pause` : "");
  }

  /** @param {string} name @param {string} text */
  #text(name, text) {
    const part = this.desk.querySelector(`[data-pace-${name}]`);
    if (part && part.textContent !== text) part.textContent = text;
  }
}

/** @returns {string} the last midnight of this person's clock, as the API reads it */
export function midnight() {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth(), now.getDate()).toISOString();
}
