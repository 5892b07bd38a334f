// @ts-check
/** The face on screen, whole, zoomed, or beside its mirror image; and what stands there instead. */

import { Peek } from "./peek.js";
import { find } from "./parts.js";
import { Zoom } from "./zoom.js";

/** @typedef {import("./queue.js").Face} Face */

export class Stage {
  /** @param {(sentence: string) => void} say to those who do not see it */
  constructor(say) {
    this.say = say;
    this.stage = find("[data-stage]", HTMLElement);
    this.frame = find("[data-frame]", HTMLElement);
    this.twin = find("[data-twin]", HTMLImageElement);
    this.hint = find("[data-suggestion]", HTMLElement);
    this.zoom = new Zoom(this.frame, (isOn) => {
      this.zoomPeek.set(isOn);
      this.say(isOn ? "Zoomed in. Shift and the arrow keys move the picture." : "The whole face.");
    });
    this.zoomPeek = new Peek(find("[data-zoom]", HTMLButtonElement), (isOn) => {
      if (isOn !== this.zoom.isOn) this.zoom.set(isOn);
    });
    this.mirrorPeek = new Peek(find("[data-mirror]", HTMLButtonElement), (isOn) => {
      this.#setMirrored(isOn);
      this.say(isOn ? "Beside it, the face mirrored." : "The face alone.");
    });
  }

  /** @returns {string} loading, face, empty or trouble */
  get shows() {
    return this.stage.dataset.shows ?? "";
  }

  set shows(what) {
    this.stage.dataset.shows = what;
  }

  /** @param {Face} face @param {string} suggestion a sentence, or none */
  show(face, suggestion) {
    this.whole();
    this.frame.replaceChildren(face.picture);
    this.shows = "face";
    this.hint.hidden = suggestion === "";
    this.hint.textContent = suggestion;
  }

  /** @returns {string} what the page says of the model's word, if it does */
  get suggestion() {
    return this.hint.textContent ?? "";
  }

  clear() {
    this.whole();
    this.frame.replaceChildren();
  }

  /** Neither zoomed nor compared, and nothing said about it. */
  whole() {
    if (!this.zoom.isOn && !this.mirrorPeek.isOn) return;
    const { say } = this;
    this.say = () => {};
    this.zoom.reset();
    this.mirrorPeek.set(false);
    this.say = say;
  }

  /** Space and Enter must not press again the button that was clicked last. */
  focus() {
    this.stage.focus({ preventScroll: true });
  }

  /** @param {boolean} isOn */
  #setMirrored(isOn) {
    const picture = this.frame.querySelector("img");
    if (!isOn || !picture) {
      delete this.stage.dataset.mirrored;
      return;
    }
    this.zoom.reset();
    this.twin.src = picture.src;
    // Beside the face where there is room for two of the same size, else both within the stage.
    const { right, width } = this.stage.getBoundingClientRect();
    const room = document.documentElement.clientWidth - right;
    this.stage.dataset.mirrored = room > width + 24 ? "beside" : "within";
  }
}
