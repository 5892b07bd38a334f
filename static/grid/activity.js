// @ts-check
/** Seconds that somebody really worked on the page: not while it was hidden, nor while they did nothing. */

const LONGEST_REST_MS = 10_000;
const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel"];

export class Activity {
  constructor() {
    this.before = 0;
    /** @type {number | null} the last sign of somebody; null while the page is hidden */
    this.last = performance.now();
    for (const sign of SIGNS) {
      addEventListener(sign, () => this.#count(), { capture: true, passive: true });
    }
    document.addEventListener("visibilitychange", () => {
      this.#count();
      this.last = document.visibilityState === "hidden" ? null : performance.now();
    });
  }

  restart() {
    this.before = 0;
    this.last = document.visibilityState === "hidden" ? null : performance.now();
  }

  get seconds() {
    this.#count();
    return Math.round(this.before) / 1000;
  }

  #count() {
    if (this.last === null) return;
    const now = performance.now();
    // A longer rest counts as so long: looking needs no mouse, but nobody looks for minutes.
    this.before += Math.min(now - this.last, LONGEST_REST_MS);
    this.last = now;
  }
}
