// @ts-check
/** Name a direction and keep it in the library, or take it out again. */

import { ApiError, request } from "../../api.js";

/** Wire every form[data-keep] and button[data-forget], also those that come later. */
export function wireKeeping() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.keep) return;
    event.preventDefault();
    const name = String(new FormData(form).get("name") ?? "");
    const kept = await told(form, () => request(form.dataset.keep ?? "", { method: "PUT", body: { name } }));
    if (!kept) return;
    form.closest("[data-component]")?.querySelector("h3")?.replaceChildren(kept.name);
    say(form, `Kept as ${kept.name}.`, "good");
  });
  document.addEventListener("click", async (event) => {
    const button = event.target instanceof Element ? event.target.closest("button[data-forget]") : null;
    if (!(button instanceof HTMLButtonElement)) return;
    const gone = await told(button, () => request(button.dataset.forget ?? "", { method: "DELETE" }));
    if (gone) location.reload();
  });
}

/** @param {HTMLElement} near @param {() => Promise<any>} ask */
async function told(near, ask) {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    say(near, error.message, "bad");
    return null;
  }
}

/** @param {HTMLElement} near @param {string} sentence @param {"good" | "bad"} how */
function say(near, sentence, how) {
  const card = near.closest("[data-component]") ?? near.parentElement;
  card?.querySelector("[data-kept-note]")?.remove();
  const note = document.createElement("p");
  note.className = `notice ${how}`;
  note.dataset.keptNote = "";
  note.setAttribute("role", how === "bad" ? "alert" : "status");
  note.textContent = sentence;
  card?.append(note);
}
