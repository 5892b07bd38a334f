// @ts-check
/** Keep the picture of a long job true: poll its address and draw status, step and progress. */

import { ApiError, request } from "./api.js";

/**
 * @typedef {object} Job
 * @property {number} id
 * @property {"queued" | "running" | "done" | "failed" | "cancelled"} status
 * @property {number} progress 0..1
 * @property {string} [step]
 * @property {string | null} error
 * @property {string} url
 */

const FIRST_POLL_MS = 400;
const LONGEST_POLL_MS = 3000;

/** @param {Job} job */
export function hasEnded(job) {
  return job.status === "done" || job.status === "failed" || job.status === "cancelled";
}

/** @param {Job} job */
function sentence(job) {
  if (job.status === "queued") return "Waiting for a worker";
  if (job.status === "running") return job.step || "Working";
  if (job.status === "failed") return "Failed";
  return job.status === "cancelled" ? "Cancelled" : "Done";
}

/**
 * @param {HTMLElement} element
 * @param {Job} job
 */
function draw(element, job) {
  /** @param {string} name @returns {HTMLElement | null} */
  const part = (name) => element.querySelector(`[data-job-${name}]`);
  const ended = hasEnded(job);
  element.dataset.jobStatus = job.status;
  part("text")?.replaceChildren(sentence(job));
  part("percent")?.replaceChildren(ended ? "" : `${Math.round(job.progress * 100)} %`);
  const bar = part("bar");
  if (bar instanceof HTMLProgressElement) {
    bar.value = job.progress;
    bar.hidden = ended;
  }
  const error = part("error");
  if (error) {
    error.textContent = job.error ?? "";
    error.hidden = !job.error;
  }
  const cancel = part("cancel");
  if (cancel) cancel.hidden = ended;
}

/** @param {number} ms */
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Draw the job of `element` (see templates/parts/job.html) until it ends; each answer is also sent
 * as a bubbling "job:changed" event, the last one as "job:ended".
 *
 * @param {HTMLElement} element with data-job-url; data-job-then="reload" reloads the page when done
 * @returns {Promise<Job>} the ended job
 */
export async function watchJob(element) {
  const url = element.dataset.jobUrl;
  if (!url) throw new Error("An element without data-job-url has no job to watch.");
  wireCancel(element);
  for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * 1.3, LONGEST_POLL_MS)) {
    try {
      /** @type {Job} */
      const job = await request(url);
      draw(element, job);
      element.dispatchEvent(new CustomEvent("job:changed", { detail: job, bubbles: true }));
      if (hasEnded(job)) {
        element.dispatchEvent(new CustomEvent("job:ended", { detail: job, bubbles: true }));
        if (job.status === "done" && element.dataset.jobThen === "reload") location.reload();
        return job;
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      element.querySelector("[data-job-text]")?.replaceChildren(`${error.message} Trying again.`);
      if (!error.isPassing) throw error;
      wait = LONGEST_POLL_MS;
    }
    await pause(document.hidden ? LONGEST_POLL_MS : wait);
  }
}

/** @param {HTMLElement} element */
function wireCancel(element) {
  const url = element.dataset.jobCancelUrl;
  const button = element.querySelector("[data-job-cancel]");
  if (!url || !(button instanceof HTMLButtonElement) || button.dataset.wired) return;
  button.dataset.wired = "yes";
  button.hidden = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await request(url, { method: "POST", body: {} });
      button.textContent = "Stopping";
    } catch (error) {
      button.disabled = false;
      element.querySelector("[data-job-text]")?.replaceChildren(error instanceof Error ? error.message : String(error));
    }
  });
}

/** Watch every job on the page that has not ended. */
export function watchAll() {
  /** @type {NodeListOf<HTMLElement>} */
  const elements = document.querySelectorAll("[data-job-url]");
  for (const element of elements) {
    const status = element.dataset.jobStatus;
    if (status === "queued" || status === "running") watchJob(element).catch(() => {});
  }
}
