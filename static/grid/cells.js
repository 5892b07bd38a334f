// @ts-check
/** The faces of one page as a grid: how many fit, which one is meant, what is said of each. */

/** @typedef {import("./supply.js").Cell} Cell */

const RATIO = 218 / 178;
const GAP = 6;
const FEWEST = 12;
const MOST = 60;

export class Cells {
  /**
   * @param {HTMLElement} grid
   * @param {HTMLTemplateElement} template one cell
   * @param {{open: (index: number) => void, name: (choice: string) => string,
   *          glyph: (choice: string) => Node}} does
   */
  constructor(grid, template, does) {
    this.grid = grid;
    this.template = template;
    this.does = does;
    /** @type {Cell[]} */
    this.cells = [];
    /** @type {HTMLButtonElement[]} */
    this.buttons = [];
    this.columns = 1;
    /** The cell that keys are about: under the mouse, or else the one with the focus. */
    this.meant = 0;
    grid.addEventListener("pointermove", (event) => {
      if (event.pointerType !== "mouse" || !(event.target instanceof Element)) return;
      const button = event.target.closest("button");
      if (button) this.meant = this.buttons.indexOf(button);
    });
    grid.addEventListener("focusin", (event) => {
      const index = this.buttons.findIndex((button) => button === event.target);
      if (index >= 0) this.#rove(index);
    });
  }

  /**
   * Of the numbers of columns that give faces of about the right size, the one that fills most.
   * @param {number} height that the cells may take, in pixels
   * @returns {number} how many cells fit
   */
  fit(height) {
    const width = this.grid.clientWidth;
    const ideal = width < 640 ? 84 : 124;
    let best = { columns: 4, count: FEWEST, filled: -1 };
    for (let columns = 3; columns <= MOST / 2; columns += 1) {
      const across = (width + GAP) / columns - GAP;
      const rows = Math.floor((height + GAP) / (across * RATIO + GAP));
      const count = columns * rows;
      if (count < FEWEST || count > MOST) continue;
      const isGoodSize = across > 0.8 * ideal && across < 1.3 * ideal;
      const filled = (count * across * across * RATIO) / (width * height) + (isGoodSize ? 1 : 0);
      if (filled > best.filled) best = { columns, count, filled };
    }
    this.columns = best.columns;
    this.grid.style.setProperty("--columns", String(best.columns));
    return best.count;
  }

  /** @param {Cell[]} cells */
  show(cells) {
    this.cells = cells;
    this.meant = 0;
    this.buttons = [];
    const rows = [];
    for (let start = 0; start < cells.length; start += this.columns) {
      const row = document.createElement("div");
      row.setAttribute("role", "row");
      row.append(...cells.slice(start, start + this.columns).map((cell) => this.#make(cell)));
      rows.push(row);
    }
    this.grid.replaceChildren(...rows);
    cells.forEach((_, index) => this.draw(index));
    if (this.buttons.length > 0) this.#rove(0);
  }

  /** @param {Cell} cell */
  #make(cell) {
    const copy = document.importNode(this.template.content, true);
    const item = copy.firstElementChild;
    const button = item?.querySelector("button");
    if (!item || !button) throw new Error("The page's cell has no button.");
    button.prepend(cell.picture);
    const index = this.buttons.push(button) - 1;
    button.addEventListener("click", () => this.does.open(index));
    return item;
  }

  /** @param {number} index say on the cell what its answer is */
  draw(index) {
    const { answer, proposed } = this.cells[index];
    const button = this.buttons[index];
    const isException = answer !== proposed;
    const name = this.does.name(answer);
    button.toggleAttribute("data-exception", isException);
    button.setAttribute(
      "aria-label",
      `Face ${index + 1}: ${name}${isException ? `, not ${this.does.name(proposed)}` : ""}`,
    );
    const mark = button.querySelector(".mark");
    if (isException) mark?.replaceChildren(this.does.glyph(answer), name);
    else mark?.replaceChildren();
  }

  /** @param {"ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown" | "Home" | "End"} key */
  move(key) {
    const last = this.buttons.length - 1;
    const way = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    let index = this.focused;
    if (key === "Home") index = 0;
    else if (key === "End") index = last;
    else if (index + way[key] >= 0 && index + way[key] <= last) index += way[key];
    this.focus(index);
  }

  get focused() {
    return Math.max(0, this.buttons.findIndex((button) => button.tabIndex === 0));
  }

  /** @param {number} index */
  focus(index) {
    this.buttons[index]?.focus({ preventScroll: false });
  }

  /** @param {number} index the one cell that Tab reaches */
  #rove(index) {
    this.buttons.forEach((button, other) => (button.tabIndex = other === index ? 0 : -1));
    this.meant = index;
  }
}
