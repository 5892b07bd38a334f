// @ts-check
/** The library: apply a kept direction to faces, take one's own out again. */

import { chosenFaces, wirePickers } from "../picker.js";
import { askForFaces } from "./faces.js";
import { wireKeeping } from "./keeping.js";

const dialog = document.querySelector("dialog[data-applying]");
/** @type {HTMLFormElement | null} */
const form = document.querySelector("form[data-apply]");
let component = 0;
wirePickers();
wireKeeping();
if (form && dialog instanceof HTMLDialogElement) {
  askForFaces(form, () => ({ kind: "local", component }), () => chosenFaces(form));
  document.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (button?.dataset.apply) {
      component = Number(button.dataset.apply);
      dialog.querySelector("[data-applied]")?.replaceChildren(button.dataset.title ?? "");
      dialog.showModal();
    }
    if (button && "close" in button.dataset) dialog.close();
  });
}
