// @ts-check
/**
 * Answers on their way to the server: kept in IndexedDB until the server says it has them.
 *
 * Every row carries the client's own UUID, so sending one twice is harmless; that is why a closed
 * tab, a lost answer or a restarted server need no special case, only another try.
 */

import { ApiError, request } from "../api.js";
import { openRows } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./rows.js").Vote} Vote */

const GATHER_MS = 300;
const MOST_AT_ONCE = 200;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const MOST_SERVER_ERRORS = 10;

/** Events: "changed" (anything to draw), "stored" and "rejected" (detail: the Row). */
export class Outbox extends EventTarget {
  /**
   * @param {{owner: string, campaign: string, votesUrl: string, withdrawUrl: string}} where
   *   the owner's id keeps one person's answers from being sent in another's name; the campaign's
   *   slug and birth keep them from a later campaign of the same name
   */
  constructor({ owner, campaign, votesUrl, withdrawUrl }) {
    super();
    this.box = `${owner}/${campaign}`;
    this.votesUrl = votesUrl;
    this.withdrawUrl = withdrawUrl;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Set<string>} keys of the rows in the request under way */
    this.underWay = new Set();
    /** @type {ApiError | null} why the last try failed */
    this.trouble = null;
    this.isDurable = true;
    this.failures = 0;
    this.mostAtOnce = MOST_AT_ONCE;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    /** @type {Promise<void> | null} */
    this.flushing = null;
  }

  /** Read what an earlier tab left behind, and begin to send it; waits for no answer. */
  async open() {
    this.kept = await openRows();
    this.isDurable = this.kept.isDurable;
    const left = await this.kept.all(this.box);
    this.rows = [...left, ...this.rows].sort((a, b) => a.order - b.order);
    this.#changed();
    if (this.waiting.length > 0) this.flush();
  }

  get waiting() {
    return this.rows.filter((row) => row.refusal === undefined);
  }

  get rejected() {
    return this.rows.filter((row) => row.refusal !== undefined);
  }

  /** @param {Vote} vote */
  add(vote) {
    this.#put({ key: vote.id, kind: "vote", id: vote.id, vote });
    this.#sendSoon(GATHER_MS);
  }

  /**
   * Take a vote back: unsent, it is simply dropped; otherwise the server is told.
   * @param {string} id
   */
  takeBack(id) {
    const unsent = this.rows.find((row) => row.key === id && !this.underWay.has(id));
    // A row that was tried once may have been stored, its answer lost: then only a withdrawal helps.
    if (unsent && (unsent.refusal !== undefined || this.failures === 0)) {
      this.#drop(unsent);
    } else {
      this.#put({ key: `withdraw ${id}`, kind: "withdrawal", id });
      this.#sendSoon(GATHER_MS);
    }
  }

  /** Forget the refused answers, once the person has read about them. */
  dismiss() {
    for (const row of this.rejected) this.#drop(row);
  }

  /** Offer the refused answers once more: a place may have become free. */
  async retry() {
    for (const row of this.rejected) {
      delete row.refusal;
      await this.kept?.put(row);
    }
    this.#changed();
    await this.flush();
  }

  /** Send everything that waits, in order, until it is gone or a try fails. */
  flush() {
    this.flushing ??= this.#drain().finally(() => (this.flushing = null));
    return this.flushing;
  }

  /** The page is going away: one last try that nobody waits for. */
  sendAndLeave() {
    const votes = this.#leadingVotes();
    // Should this be lost, or repeat what is under way, the next page sends the rows again.
    if (votes.length > 0) {
      request(this.votesUrl, { body: ballots(votes), keepalive: true }).catch(() => {});
    }
  }

  async #drain() {
    clearTimeout(this.timer);
    while (this.waiting.length > 0) {
      const first = this.waiting[0];
      const batch = first.kind === "vote" ? this.#leadingVotes() : [first];
      this.underWay = new Set(batch.map((row) => row.key));
      this.#changed();
      try {
        if (first.kind === "vote") await this.#sendVotes(batch);
        else await this.#sendWithdrawal(first);
        this.failures = 0;
        this.trouble = null;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!this.#canGoOn(batch, error)) return;
      } finally {
        this.underWay.clear();
        this.#changed();
      }
    }
  }

  /** @param {Row[]} batch */
  async #sendVotes(batch) {
    const { results } = await request(this.votesUrl, { body: ballots(batch) });
    batch.forEach((row, index) => {
      const result = results[index];
      if (result?.status === "stored" || result?.status === "duplicate") {
        this.#drop(row);
        this.#tell("stored", row);
      } else {
        this.#refuse(row, result?.detail ?? result?.code ?? "The server did not say why.");
      }
    });
  }

  /** @param {Row} row */
  async #sendWithdrawal(row) {
    try {
      await request(this.withdrawUrl, { body: { id: row.id } });
    } catch (error) {
      // 404: the vote never arrived, so there is nothing to take back.
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
    this.#drop(row);
    this.#tell("stored", row);
  }

  /**
   * @param {Row[]} batch
   * @param {ApiError} error
   * @returns {boolean} whether to send the next batch at once
   */
  #canGoOn(batch, error) {
    const isHopeless = error.status === 500 && this.failures >= MOST_SERVER_ERRORS;
    if (error.isSignedOut || (error.isPassing && !isHopeless)) {
      this.trouble = error;
      this.failures += 1;
      if (!error.isSignedOut) {
        const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.failures - 1));
        this.#sendSoon(wait * (0.75 + Math.random() / 2), true);
      }
      return false;
    }
    if (batch.length > 1) {
      // One row spoils the batch: singly, the others get through and the one is named.
      this.mostAtOnce = 1;
    } else {
      this.failures = 0;
      this.#refuse(batch[0], error.message);
    }
    return true;
  }

  #leadingVotes() {
    const rows = this.waiting;
    const end = rows.findIndex((row) => row.kind !== "vote");
    return rows.slice(0, Math.min(end < 0 ? rows.length : end, this.mostAtOnce));
  }

  /** @param {number} ms @param {boolean} [isRetry] */
  #sendSoon(ms, isRetry = false) {
    // While tries fail, the retry's longer pause stands: new answers must not shorten it.
    if (this.failures > 0 && !isRetry) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), ms);
  }

  /** @param {Pick<Row, "key" | "kind" | "id" | "vote">} part */
  #put(part) {
    const last = this.rows.at(-1)?.order ?? 0;
    const row = { ...part, box: this.box, order: Math.max(Date.now(), last + 1) };
    this.rows.push(row);
    this.kept?.put(row).catch(() => this.#losesDurability());
    this.#changed();
  }

  /** @param {Row} row */
  #drop(row) {
    this.rows = this.rows.filter((other) => other !== row);
    this.kept?.remove(row.key).catch(() => {});
    this.#changed();
  }

  /** @param {Row} row @param {string} why */
  #refuse(row, why) {
    row.refusal = why;
    this.kept?.put(row).catch(() => this.#losesDurability());
    this.#tell("rejected", row);
    this.#changed();
  }

  #losesDurability() {
    this.isDurable = false;
    this.#changed();
  }

  /** @param {string} name @param {Row} row */
  #tell(name, row) {
    this.dispatchEvent(new CustomEvent(name, { detail: row }));
  }

  #changed() {
    this.dispatchEvent(new Event("changed"));
  }
}

/** @param {Row[]} rows */
function ballots(rows) {
  const votes = rows.map(({ vote }) => {
    if (!vote) throw new Error("a withdrawal is no ballot");
    const { filename, ...ballot } = vote;
    return ballot;
  });
  return { votes };
}
