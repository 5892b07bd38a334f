// @ts-check
/** One face of the grid up close, with the answers it may get instead. */

const MARGIN = 8;

export class Closer {
  /**
   * @param {HTMLElement} card a popover that holds a picture and a button per answer
   * @param {(choice: string) => void} chosen
   * @param {() => void} closed
   */
  constructor(card, chosen, closed) {
    this.card = card;
    /** @type {HTMLButtonElement[]} */
    this.buttons = Array.from(card.querySelectorAll("button[data-choice]"));
    for (const button of this.buttons) {
      button.addEventListener("click", () => {
        this.close();
        chosen(button.dataset.choice ?? "");
      });
    }
    card.addEventListener("toggle", (event) => {
      if (event instanceof ToggleEvent && event.newState === "closed") closed();
    });
  }

  get isOpen() {
    return this.card.matches(":popover-open");
  }

  /**
   * @param {HTMLButtonElement} cell
   * @param {HTMLImageElement} picture
   * @param {string} answer as it stands
   * @param {boolean} isAsking whether the answers are offered, or only a closer look
   */
  open(cell, picture, answer, isAsking) {
    const shown = this.card.querySelector("img");
    if (shown) shown.src = picture.src;
    for (const button of this.buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.choice === answer));
    }
    this.card.toggleAttribute("data-asks", isAsking);
    this.card.showPopover();
    this.#place(cell);
    const first = this.buttons.find((button) => button.dataset.choice !== answer);
    if (isAsking) first?.focus({ preventScroll: true });
  }

  /** @param {string} key an arrow, Home or End */
  walk(key) {
    const last = this.buttons.length - 1;
    const at = this.buttons.findIndex((button) => button === document.activeElement);
    const step = key === "ArrowLeft" || key === "ArrowUp" ? -1 : 1;
    const next = key === "Home" ? 0 : key === "End" ? last : (at + step + last + 1) % (last + 1);
    this.buttons[next]?.focus();
  }

  close() {
    if (this.isOpen) this.card.hidePopover();
  }

  /** @param {HTMLElement} cell over its middle, as far as the screen allows */
  #place(cell) {
    const at = cell.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = this.card;
    /** @param {number} middle @param {number} size @param {number} room */
    const within = (middle, size, room) =>
      Math.max(MARGIN, Math.min(middle - size / 2, room - size - MARGIN));
    const { clientWidth, clientHeight } = document.documentElement;
    this.card.style.left = `${within(at.x + at.width / 2, width, clientWidth)}px`;
    this.card.style.top = `${within(at.y + at.height / 2, height, clientHeight)}px`;
  }
}
