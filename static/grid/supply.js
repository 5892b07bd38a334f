// @ts-check
/** Faces to verify: leased a page ahead, decoded before they are shown, given back on leaving. */

import { ApiError } from "../api.js";
import { loadPicture } from "../label/picture.js";

/** @typedef {import("../label/leases.js").Leases} Leases */
/** @typedef {import("../label/queue.js").Turn} Turn */

/**
 * @typedef {object} Cell
 * @property {number} face
 * @property {string} filename
 * @property {string} proposed
 * @property {string} answer the proposed choice until the person says otherwise
 * @property {HTMLImageElement} picture
 */

const FEWEST_ASKED = 12;
const MOST_ASKED = 60;
const LONGEST_RETRY_MS = 15_000;

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Events: "open" (detail: faces to verify by choice), "trouble" (detail: ApiError, or null). */
export class Supply extends EventTarget {
  /**
   * @param {Leases} leases
   * @param {{outboxIsRead: Promise<void>, isAnswered: (face: number) => boolean}} options
   */
  constructor(leases, options) {
    super();
    this.leases = leases;
    this.options = options;
    /** @type {string | null} null: whichever the server finds most faces for */
    this.choice = null;
    /** @type {Cell[]} */
    this.ready = [];
    /** @type {Set<number>} on screen */
    this.shown = new Set();
    /** @type {Set<number>} leased, their pictures on the way */
    this.loading = new Set();
    /** @type {Set<number>} faces whose picture cannot be shown */
    this.broken = new Set();
    /** Counts changes of the choice, so that what was asked before one is told apart. */
    this.era = 0;
    /** @type {Promise<void> | null} */
    this.filling = null;
  }

  get held() {
    return [...this.shown, ...this.ready.map(({ face }) => face), ...this.loading];
  }

  /** @param {string | null} choice to verify from now on; what is held of another goes back */
  choose(choice) {
    this.leases.giveBack(this.held);
    this.#forget();
    this.choice = choice;
    this.filling = null;
    this.era += 1;
  }

  /**
   * @param {number} n
   * @returns {Promise<Cell[]>} up to n, to be shown; none when nothing is left for this person
   */
  async take(n) {
    const { era } = this;
    if (this.ready.length < n) await this.fill(n);
    return era === this.era ? this.ready.splice(0, n) : [];
  }

  /** @param {Cell[]} cells come next again */
  putBack(cells) {
    this.ready.unshift(...cells);
  }

  /** @param {number} n have so many ready, if there are so many */
  fill(n) {
    const filling = (this.filling ??= this.#fill(n).finally(() => {
      if (this.filling === filling) this.filling = null;
    }));
    return filling;
  }

  /** @param {number} n */
  async #fill(n) {
    const { era } = this;
    while (era === this.era && this.ready.length < n) {
      const turns = await this.#ask(n - this.ready.length);
      if (era !== this.era) return this.leases.giveBack(turns.map(({ face }) => face));
      const held = new Set(this.held);
      const fresh = turns.filter(
        ({ face }) => !held.has(face) && !this.broken.has(face) && !this.options.isAnswered(face),
      );
      if (fresh.length === 0) return;
      for (const { face } of fresh) this.loading.add(face);
      const cells = await Promise.all(fresh.map((turn) => this.#load(turn, era)));
      if (era !== this.era) return;
      this.loading.clear();
      this.ready.push(...cells.filter((cell) => cell !== null));
    }
  }

  /**
   * @param {number} missing
   * @returns {Promise<Turn[]>} asked for until the server answers
   */
  async #ask(missing) {
    const count = Math.min(MOST_ASKED, Math.max(FEWEST_ASKED, missing));
    for (let wait = 500; ; wait = Math.min(LONGEST_RETRY_MS, wait * 2)) {
      try {
        const body = this.choice === null ? { count } : { count, choice: this.choice };
        const { choice, turns, open } = await this.leases.ask(body);
        await this.options.outboxIsRead;
        this.choice ??= choice;
        this.#tell("trouble", null);
        this.#tell("open", open);
        return turns;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        this.#tell("trouble", error);
        if (!error.isPassing) throw error;
        await pause(wait);
      }
    }
  }

  /**
   * @param {Turn} turn
   * @param {number} era
   * @returns {Promise<Cell | null>} null: its picture cannot be shown
   */
  async #load(turn, era) {
    try {
      const picture = await loadPicture(turn, () => era === this.era);
      picture.alt = "";
      const proposed = turn.suggestion?.choice ?? this.choice ?? "";
      const { face, filename } = turn;
      return { face, filename, proposed, answer: proposed, picture };
    } catch {
      // Its lease is left to run out: given back at once, it would come again.
      this.broken.add(turn.face);
      return null;
    }
  }

  /** Begin the leases anew. */
  async renew() {
    const asked = this.held;
    if (asked.length === 0) return;
    const ours = await this.leases.renew(asked).catch(() => null);
    if (!ours) return;
    this.ready = this.ready.filter(({ face }) => ours.has(face) || !asked.includes(face));
  }

  /** The page goes away: let others have what we did not answer. */
  leave() {
    this.leases.leave(this.held);
    this.#forget();
  }

  #forget() {
    for (const { picture } of this.ready) URL.revokeObjectURL(picture.src);
    this.ready = [];
    this.shown.clear();
    this.loading.clear();
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
