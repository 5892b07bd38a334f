// @ts-check
/** What both pages do from their opening to their end: begin, stay in touch, leave nothing behind. */

import { request } from "../api.js";
import { Leases } from "./leases.js";
import { Outbox } from "./outbox.js";
import { midnight } from "./pace.js";
import { given } from "./parts.js";

/** @typedef {import("./pace.js").Pace} Pace */

/** @param {HTMLElement} desk @returns {Outbox} */
export function outboxOf(desk) {
  return new Outbox({
    owner: given(desk, "owner"),
    campaign: given(desk, "campaign"),
    votesUrl: given(desk, "votesUrl"),
    withdrawUrl: given(desk, "withdrawUrl"),
  });
}

/** @param {HTMLElement} desk @param {string} askUrl where its faces come from @returns {Leases} */
export function leasesOf(desk, askUrl) {
  const releaseUrl = given(desk, "releaseUrl");
  return new Leases({ askUrl, renewUrl: given(desk, "renewUrl"), releaseUrl });
}

/**
 * @param {HTMLElement} desk
 * @param {Outbox} outbox
 * @param {{renew: () => void, leave: () => void}} faces that the page holds
 */
export function stayInTouch(desk, outbox, faces) {
  setInterval(() => {
    if (document.visibilityState === "visible") faces.renew();
  }, Number(given(desk, "leaseSeconds")) * 333);
  document.addEventListener("visibilitychange", () => {
    // A phone may end a hidden page without another word.
    if (document.visibilityState !== "visible") return outbox.sendAndLeave();
    faces.renew();
    outbox.flush();
  });
  addEventListener("online", () => outbox.flush());
  addEventListener("pagehide", () => {
    outbox.sendAndLeave();
    faces.leave();
  });
  addEventListener("pageshow", (event) => {
    // Out of the browser's page cache: our leases were given back, so begin anew.
    if (event.persisted) location.reload();
  });
}

/** @param {HTMLElement} desk @param {Pace} pace learns what this person answered before */
export async function countToday(desk, pace) {
  const url = `${given(desk, "mineUrl")}?since=${encodeURIComponent(midnight())}`;
  const mine = await request(url).catch(() => null);
  pace.begin(mine?.votes_since ?? 0);
}

/** @param {import("../api.js").ApiError | null} error @returns {string} why no faces come */
export function whyNone(error) {
  if (error?.isSignedOut) return "Your session has ended. Sign in again to go on.";
  return error?.message ?? "";
}
