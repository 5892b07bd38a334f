// @ts-check
/** The person's choice of keys: made in the guide, kept by the server, shown on the buttons. */

import { request } from "../api.js";
import { given } from "./parts.js";

/** @typedef {import("./keys.js").Layout} Layout */
/** @typedef {Layout & {shown: string[]}} ShownLayout */

/** Keys that say "can't tell" in every layout, as aria-keyshortcuts names them. */
const ALWAYS_UNSURE = "U 0 Space";

export class Layouts {
  /**
   * @param {HTMLElement} picker holds a radio button per layout
   * @param {HTMLElement[]} buttons of the answers, in order, "can't tell" last
   * @param {{changed: (layout: Layout) => void, failed: (why: string) => void}} tell
   */
  constructor(picker, buttons, tell) {
    this.url = given(picker, "url");
    this.buttons = buttons;
    this.tell = tell;
    /** @type {HTMLInputElement[]} */
    this.radios = Array.from(picker.querySelectorAll("input[type=radio]"));
    for (const radio of this.radios) {
      radio.addEventListener("change", () => this.#choose(radio));
    }
    this.#nameKeys();
  }

  /** @returns {ShownLayout} */
  get current() {
    const radio = this.radios.find((one) => one.checked) ?? this.radios[0];
    return JSON.parse(given(radio, "layout"));
  }

  /** @param {HTMLInputElement} radio */
  async #choose(radio) {
    this.#draw();
    this.tell.changed(this.current);
    try {
      await request(this.url, { body: { layout: radio.value } });
    } catch (error) {
      this.tell.failed(error instanceof Error ? error.message : String(error));
    }
  }

  #draw() {
    const { keys, unsure, shown } = this.current;
    const isUnsure = (/** @type {number} */ index) => index === this.buttons.length - 1;
    this.buttons.forEach((button, index) => {
      const at = isUnsure(index) ? keys.length : index;
      const text = shown[at] ?? "";
      const label = button.querySelector("kbd");
      if (label) label.textContent = text;
      const digit = isUnsure(index) ? ALWAYS_UNSURE : index < 9 ? String(index + 1) : "";
      const own = [...keys, unsure][at] ?? "";
      const spoken = own.startsWith("Arrow") ? own : text;
      button.setAttribute("aria-keyshortcuts", `${spoken} ${digit}`.trim());
    });
  }

  /** What stands on the home row's keys of this very keyboard, where the browser knows. */
  async #nameKeys() {
    const keyboard = /** @type {any} */ (navigator).keyboard;
    const names = await keyboard?.getLayoutMap?.().catch(() => null);
    if (!names) return;
    for (const radio of this.radios) {
      /** @type {ShownLayout} */
      const layout = JSON.parse(given(radio, "layout"));
      layout.shown = [...layout.keys, layout.unsure].map(
        (key, index) => names.get(key)?.toUpperCase() ?? layout.shown[index],
      );
      radio.dataset.layout = JSON.stringify(layout);
      const legends = radio.closest("label")?.querySelectorAll("kbd") ?? [];
      legends.forEach((legend, index) => (legend.textContent = layout.shown[index]));
    }
    this.#draw();
  }
}
