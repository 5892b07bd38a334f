// @ts-check
/** The faces that a page holds at the server: asked for, begun anew, and given back on leaving. */

import { ApiError, request, uuid } from "../api.js";

const MOST_OPEN = 20;

export class Leases {
  /** @param {{askUrl: string, renewUrl: string, releaseUrl: string}} urls */
  constructor(urls) {
    this.urls = urls;
    /** @type {string[]} names of requests whose answer has not come: what they lease, nobody has */
    this.open = [];
  }

  /**
   * @param {Record<string, unknown>} body
   * @returns {Promise<any>} the server's answer; throws ApiError
   */
  async ask(body) {
    const name = uuid();
    this.open = [...this.open, name].slice(-MOST_OPEN);
    try {
      const answer = await request(this.urls.askUrl, { body: { ...body, request: name } });
      this.#close(name);
      return answer;
    } catch (error) {
      // An answer that was lost may have leased faces; one that says no has not.
      if (!(error instanceof ApiError) || !error.isPassing) this.#close(name);
      throw error;
    }
  }

  /**
   * @param {number[]} faces
   * @returns {Promise<Set<number>>} those of the page's that are still ours; throws ApiError
   */
  async renew(faces) {
    const { held } = await request(this.urls.renewUrl, { body: { faces } });
    return new Set(held.map((/** @type {{face: number}} */ lease) => lease.face));
  }

  /** @param {number[]} faces for others; nobody waits for the answer */
  giveBack(faces) {
    if (faces.length > 0) this.#release({ faces });
  }

  /** @param {number[]} faces the page goes away: these, and whatever is still on its way here */
  leave(faces) {
    if (faces.length > 0 || this.open.length > 0) this.#release({ faces, requests: this.open });
  }

  /** @param {object} body */
  #release(body) {
    request(this.urls.releaseUrl, { body, keepalive: true }).catch(() => {});
  }

  /** @param {string} name */
  #close(name) {
    this.open = this.open.filter((other) => other !== name);
  }
}
