// @ts-check
/** Something that shows while a key or a button is held, and stays after a short press. */

const TAP_MS = 250;

export class Peek {
  /**
   * @param {HTMLButtonElement} button
   * @param {(isOn: boolean) => void} changed
   */
  constructor(button, changed) {
    this.button = button;
    this.changed = changed;
    this.isOn = false;
    this.wasOn = false;
    this.since = 0;
    button.addEventListener("pointerdown", () => this.press());
    for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
      button.addEventListener(end, () => this.release());
    }
    // By keyboard or by a screen reader there is no pointer, and nothing to hold.
    button.addEventListener("click", (event) => {
      if (event.detail === 0) this.set(!this.isOn);
    });
  }

  press() {
    this.wasOn = this.isOn;
    this.since = performance.now();
    this.set(true);
  }

  release() {
    if (this.since === 0) return;
    const isHeld = performance.now() - this.since > TAP_MS;
    this.since = 0;
    if (this.wasOn || isHeld) this.set(false);
  }

  /** @param {boolean} isOn */
  set(isOn) {
    if (isOn === this.isOn) return;
    this.isOn = isOn;
    this.button.setAttribute("aria-pressed", String(isOn));
    this.changed(isOn);
  }
}
