// @ts-check
/**
 * Parts of a page that take a while to count: fetched as HTML once the page stands, and again
 * every so often while somebody looks.
 */

const PATIENCE_MS = 120_000;

/**
 * @param {HTMLElement} place with data-later-url; data-later-every in seconds; data-later-shown
 *   when it already shows something
 */
async function fill(place) {
  const url = place.dataset.laterUrl ?? "";
  let answer;
  try {
    answer = await fetch(url, {
      credentials: "same-origin",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    return complain(place, "The server does not answer.");
  }
  if (!answer.ok || answer.redirected) {
    return complain(place, "This part could not be counted. Reload the page to try again.");
  }
  const part = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  const open = isOpen(place);
  const focused = place.contains(document.activeElement);
  // Whoever reads with the keyboard inside keeps their place until they leave it.
  if (focused && place.hasAttribute("data-later-shown")) return;
  place.replaceChildren(...part.childNodes);
  place.toggleAttribute("data-later-shown", true);
  place.querySelectorAll("details").forEach((one, at) => (one.open = open[at] ?? one.open));
}

/** @param {HTMLElement} place */
function isOpen(place) {
  return Array.from(place.querySelectorAll("details"), (one) => one.open);
}

/**
 * @param {HTMLElement} place
 * @param {string} sentence
 */
function complain(place, sentence) {
  if (place.hasAttribute("data-later-shown")) return;
  const note = place.querySelector("[data-later-note] p");
  if (note) note.textContent = sentence;
}

/** @type {NodeListOf<HTMLElement>} */
const places = document.querySelectorAll("[data-later-url]");
for (const place of places) {
  if (!place.hasAttribute("data-later-shown")) fill(place);
  const every = Number(place.dataset.laterEvery ?? 0);
  if (every > 0) {
    setInterval(() => {
      if (document.visibilityState === "visible") fill(place);
    }, every * 1000);
  }
}
