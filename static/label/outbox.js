// @ts-check
/**
 * Answers on their way to the server: kept in IndexedDB until the server says it has them.
 *
 * Every row carries the client's own UUID, so sending one twice is harmless; that is why a closed
 * tab, a lost answer or a restarted server need no special case, only another try. A row belongs to
 * the tab that wrote it until that tab is gone: two tabs that sent the same row could store an
 * answer that one of them has just taken back.
 */

import { ApiError, request, uuid } from "../api.js";
import { openRows } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./rows.js").Vote} Vote */

const GATHER_MS = 300;
const MOST_AT_ONCE = 200;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const MOST_SERVER_ERRORS = 10;
const LOOK_FOR_ORPHANS_MS = 30_000;
const LOOK_SOON_MS = 2_000;
const LOCK = "penumbra-outbox-";

/** Events: "changed" (anything to draw), "stored" and "rejected" (detail: the Row). */
export class Outbox extends EventTarget {
  /**
   * @param {{owner: string, campaign: string, votesUrl: string, withdrawUrl: string}} where
   *   the owner's id keeps one person's answers from being sent in another's name; the campaign's
   *   slug and birth keep them from a later campaign of the same name
   */
  constructor({ owner, campaign, votesUrl, withdrawUrl }) {
    super();
    this.tab = uuid();
    this.box = `${owner}/${campaign}`;
    this.votesUrl = votesUrl;
    this.withdrawUrl = withdrawUrl;
    /** @type {Row[]} */
    this.rows = [];
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
    const early = [...this.rows];
    this.kept = await openRows();
    this.isDurable = this.kept.isDurable;
    if (early.length > 0) this.#keep(early);
    // Held as long as this page lives: how other tabs know that its rows are looked after.
    navigator.locks?.request(LOCK + this.tab, () => new Promise(() => {})).catch(() => {});
    await this.#adopt();
  }

  /** Take over the rows of tabs that are gone, now and from time to time. */
  async #adopt() {
    const foreign = await this.#foreign();
    const living = foreign.length > 0 ? await livingTabs() : new Set();
    const orphans = foreign.filter((row) => !living.has(row.tab ?? ""));
    for (const row of orphans) row.tab = this.tab;
    if (orphans.length > 0) {
      this.rows = [...orphans, ...this.rows].sort((a, b) => a.order - b.order);
      this.#keep(orphans);
      this.#changed();
      this.flush();
    }
    // A tab that is just being closed still counts as living.
    const isSoon = foreign.length > orphans.length;
    setTimeout(() => this.#adopt(), isSoon ? LOOK_SOON_MS : LOOK_FOR_ORPHANS_MS);
  }

  /** @returns {Promise<Row[]>} rows of this box that other tabs wrote */
  async #foreign() {
    const rows = (await this.kept?.all(this.box).catch(() => [])) ?? [];
    const own = new Set(this.rows.map((row) => row.key));
    return rows.filter((row) => row.tab !== this.tab && !own.has(row.key));
  }

  /** @param {number} face @returns {boolean} whether an answer for it is on its way */
  holds(face) {
    return this.waiting.some((row) => row.vote?.face === face);
  }

  get waiting() {
    return this.rows.filter((row) => row.refusal === undefined);
  }

  get rejected() {
    return this.rows.filter((row) => row.refusal !== undefined);
  }

  /** @param {Vote[]} votes */
  add(...votes) {
    this.#put(votes.map((vote) => ({ key: vote.id, kind: "vote", id: vote.id, vote })));
    this.#sendSoon(GATHER_MS);
  }

  /**
   * Take votes back: those never sent are simply dropped; of the others the server is told.
   * @param {string[]} ids
   */
  takeBack(...ids) {
    /** @param {string} id */
    const unsent = (id) =>
      // A row that was tried once may have been stored, its answer lost: only a withdrawal helps.
      this.rows.find((row) => row.key === id && (row.refusal !== undefined || !row.isTried));
    const sent = ids.filter((id) => !unsent(id));
    for (const id of ids) {
      const row = unsent(id);
      if (row) this.#drop(row);
    }
    this.#put(sent.map((id) => ({ key: `withdraw ${id}`, kind: "withdrawal", id })));
    this.#sendSoon(GATHER_MS);
  }

  /** Forget the refused answers, once the person has read about them. */
  dismiss() {
    for (const row of this.rejected) this.#drop(row);
  }

  /** Offer the refused answers once more: a place may have become free. */
  async retry() {
    const again = this.rejected;
    for (const row of again) delete row.refusal;
    this.#keep(again);
    this.#changed();
    await this.flush();
  }

  /** Send everything that waits, in order, until it is gone or a try fails. */
  flush() {
    this.flushing ??= this.#drain().finally(() => (this.flushing = null));
    return this.flushing;
  }

  /** The page is hidden or going away: one try that outlives it and that nobody waits for. */
  sendAndLeave() {
    const votes = this.#leadingVotes();
    // Should this be lost, or repeat what is under way, the rows are sent again.
    if (votes.length > 0) {
      for (const row of votes) row.isTried = true;
      request(this.votesUrl, { body: ballots(votes), keepalive: true }).catch(() => {});
    }
  }

  async #drain() {
    clearTimeout(this.timer);
    while (this.waiting.length > 0) {
      const first = this.waiting[0];
      const batch = first.kind === "vote" ? this.#leadingVotes() : [first];
      for (const row of batch) row.isTried = true;
      try {
        if (first.kind === "vote") await this.#sendVotes(batch);
        else await this.#sendWithdrawal(first);
        this.failures = 0;
        this.trouble = null;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (!this.#canGoOn(batch, error)) return;
      } finally {
        this.#changed();
      }
    }
    this.mostAtOnce = MOST_AT_ONCE;
  }

  /** @param {Row[]} batch */
  async #sendVotes(batch) {
    const { results } = await request(this.votesUrl, { body: ballots(batch) });
    if (!Array.isArray(results) || results.length !== batch.length) {
      // Something between us and the server answered in its place.
      throw new ApiError(0, "unreadable", "The answer came from something else than the server.");
    }
    batch.forEach((row, index) => {
      const { status, detail, code } = results[index];
      if (status === "stored" || status === "duplicate") {
        this.#drop(row);
        this.#tell("stored", row);
      } else {
        this.#refuse(row, detail ?? code ?? "The server did not say why.");
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

  /** @param {Pick<Row, "key" | "kind" | "id" | "vote">[]} parts */
  #put(parts) {
    const first = Math.max(Date.now(), (this.rows.at(-1)?.order ?? 0) + 1);
    const rows = parts.map((part, index) => {
      return { ...part, box: this.box, tab: this.tab, order: first + index };
    });
    this.rows.push(...rows);
    this.#keep(rows);
    this.#changed();
  }

  /** @param {Row[]} rows */
  #keep(rows) {
    if (rows.length > 0) this.kept?.put(rows).catch(() => this.#losesDurability());
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
    this.#keep([row]);
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

/** @returns {Promise<Set<string>>} the tabs whose pages live, where the browser can tell */
async function livingTabs() {
  const locks = await navigator.locks?.query().catch(() => null);
  const names = locks?.held?.map(({ name = "" }) => name) ?? [];
  return new Set(names.map((name) => name.replace(LOCK, "")));
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
