// @ts-check
/** The managers' pages: a slug from the title, releases asked for and watched. */

import { ApiError, request, uuid } from "./api.js";
import { watchAll } from "./jobs.js";

const title = document.querySelector("[data-new-campaign] [name=title]");
const slug = document.querySelector("[data-new-campaign] [name=slug]");
if (title instanceof HTMLInputElement && slug instanceof HTMLInputElement && slug.value === "") {
  let isOwn = false;
  slug.value = slugOf(title.value);
  slug.addEventListener("input", () => (isOwn = true));
  title.addEventListener("input", () => {
    if (!isOwn) slug.value = slugOf(title.value);
  });
}

/** @param {string} text */
function slugOf(text) {
  const plain = text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 60);
}

const form = document.querySelector("form[data-releases-url]");
if (form instanceof HTMLFormElement) {
  // One key for this form as it stands: a second press, or a lost answer, makes no second release.
  let idempotencyKey = uuid();
  form.addEventListener("change", () => (idempotencyKey = uuid()));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const error = form.querySelector("[data-error]");
    const button = form.querySelector("button");
    if (!(error instanceof HTMLElement) || !button) return;
    error.hidden = true;
    button.disabled = true;
    try {
      await request(form.dataset.releasesUrl ?? "", { body: asked(new FormData(form)), idempotencyKey });
      location.reload();
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      error.textContent = problem.message;
      error.hidden = false;
      button.disabled = false;
    }
  });
}

/**
 * A release's request; without a share that may be wrong nothing else about the promise matters.
 * @param {FormData} given
 */
function asked(given) {
  const include = given.getAll("include");
  const share = String(given.get("max_error") ?? "").trim();
  if (share === "") return { include };
  return {
    include,
    max_error: fraction(share),
    confidence: fraction(given.get("confidence")),
    audits: given.has("audits") ? "fresh" : "all",
  };
}

/** @param {FormDataEntryValue | null} percent */
function fraction(percent) {
  return Number((Number(percent) / 100).toFixed(8));
}

watchAll();
