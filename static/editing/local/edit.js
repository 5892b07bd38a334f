// @ts-check
/** One region changed: its slider, or how far the work is; and the same edit on other faces. */

import { watchAll } from "../../jobs.js";
import { chosenFaces, wirePickers } from "../picker.js";
import { askForFaces } from "./faces.js";
import { slideEverywhere, wireSliding } from "./sliding.js";

watchAll();
wirePickers();
wireSliding();
const sliding = document.querySelector("[data-sliding]");
if (sliding instanceof HTMLElement) slideEverywhere(sliding);

/** @type {HTMLFormElement | null} */
const again = document.querySelector("form[data-again]");
if (again) askForFaces(again, () => JSON.parse(again.dataset.body ?? "{}"), () => chosenFaces(again));
