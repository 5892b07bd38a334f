// @ts-check
/** The faces ahead: leased from the server, decoded before they are shown, given back on leaving. */

import { ApiError } from "../api.js";
import { loadPicture } from "./picture.js";

/** @typedef {import("./leases.js").Leases} Leases */

/**
 * @typedef {object} Turn as the API gives it
 * @property {number} face
 * @property {string} filename
 * @property {string} image
 * @property {{choice: string, probability: number} | null} suggestion
 *
 * @typedef {Turn & {picture: HTMLImageElement}} Face decoded, ready to be shown
 */

const AHEAD = 10;
const REFILL_BELOW = 5;
const LONGEST_RETRY_MS = 15_000;

/**
 * Events: "ready" (a face can be taken), "empty" (the server has nothing for this person),
 * "trouble" (detail: ApiError, or null once it passed), "skipped" (detail: {filename, why}),
 * "open" (detail: how many faces of the campaign still want votes), "lost" (detail: the face on
 * screen, which is somebody else's by now).
 */
export class FaceQueue extends EventTarget {
  /**
   * @param {Leases} leases
   * @param {{outboxIsRead: Promise<void>, isAnswered: (face: number) => boolean}} options
   *   outboxIsRead: until then nobody knows what an earlier tab answered
   */
  constructor(leases, { outboxIsRead, isAnswered }) {
    super();
    this.leases = leases;
    this.outboxIsRead = outboxIsRead;
    this.isAnswered = isAnswered;
    /** @type {Face[]} */
    this.ready = [];
    /** @type {Map<number, Turn>} leased, their pictures on the way */
    this.loading = new Map();
    /** @type {Set<number>} faces whose picture cannot be shown: skipped as long as the page lives */
    this.broken = new Set();
    /** @type {number | null} the face on screen */
    this.shown = null;
    this.isAsking = false;
    this.failures = 0;
  }

  /** @returns {Face | null} the next face, which is now on screen */
  take() {
    const face = this.ready.shift() ?? null;
    this.shown = face?.face ?? null;
    if (this.ready.length + this.loading.size < REFILL_BELOW) this.refill();
    return face;
  }

  /** @param {Face} face comes next again */
  putBack(face) {
    this.ready.unshift(face);
  }

  /** Every face we hold a lease on and have not answered. */
  get held() {
    const ids = [...this.ready.map((face) => face.face), ...this.loading.keys()];
    return this.shown === null ? ids : [this.shown, ...ids];
  }

  /** Ask for as many faces as are missing. */
  async refill() {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      const missing = Math.max(1, AHEAD - this.ready.length - this.loading.size);
      const { turns, open } = await this.leases.ask({ count: missing });
      await this.outboxIsRead;
      this.failures = 0;
      this.#tell("trouble", null);
      this.#tell("open", open);
      this.#add(turns);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failures += 1;
      this.#tell("trouble", error);
      if (error.isPassing) {
        setTimeout(() => this.refill(), Math.min(LONGEST_RETRY_MS, 500 * 2 ** this.failures));
      }
    } finally {
      this.isAsking = false;
    }
  }

  /** @param {Turn[]} turns what the server leased; near the end it repeats what we hold already */
  #add(turns) {
    const held = new Set(this.held);
    const fresh = turns.filter(
      ({ face }) => !held.has(face) && !this.broken.has(face) && !this.isAnswered(face),
    );
    for (const turn of fresh) this.#load(turn);
    if (fresh.length === 0 && this.held.length === 0) {
      // What came back may be answers still on their way to the server; those are nothing new.
      this.dispatchEvent(new Event("empty"));
    }
  }

  /** @param {Turn} turn */
  async #load(turn) {
    this.loading.set(turn.face, turn);
    try {
      const picture = await loadPicture(turn, () => this.loading.has(turn.face));
      if (!this.loading.delete(turn.face)) return;
      this.ready.push({ ...turn, picture });
      this.dispatchEvent(new Event("ready"));
    } catch (error) {
      this.loading.delete(turn.face);
      // Its lease is left to run out: given back at once, it would be the next one we get.
      this.broken.add(turn.face);
      const why = error instanceof Error ? error.message : String(error);
      this.#tell("skipped", { filename: turn.filename, why });
      if (this.ready.length + this.loading.size < REFILL_BELOW) this.refill();
    }
  }

  /** Begin the leases anew, and let go of faces that are somebody else's by now. */
  async renew() {
    const asked = this.held;
    if (asked.length === 0) return;
    try {
      const ours = await this.leases.renew(asked);
      const lost = asked.filter((face) => !ours.has(face));
      this.ready = this.ready.filter(({ face }) => !lost.includes(face));
      for (const face of lost) this.loading.delete(face);
      if (lost.length > 0) this.refill();
      // The person may have answered it while we asked.
      if (this.shown !== null && lost.includes(this.shown)) this.#tell("lost", this.shown);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#tell("trouble", error);
    }
  }

  /** Leaving: let others have what we did not answer. Nobody waits for the answer. */
  letGo() {
    this.leases.leave(this.held);
    this.ready = [];
    this.loading.clear();
    this.shown = null;
  }

  /** @param {string} name @param {unknown} detail */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
