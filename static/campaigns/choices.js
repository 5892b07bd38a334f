// @ts-check
/** The answers of a question: as many rows as are needed, and mirrors that point back. */

const START = 2;

const box = document.querySelector("[data-choices]");
if (box instanceof HTMLElement) {
  /** @type {HTMLElement[]} */
  const rows = Array.from(box.querySelectorAll("[data-choice]"));
  const add = box.querySelector("[data-add-choice]");

  /** @param {HTMLElement} row @param {string} name */
  const field = (row, name) => {
    const found = row.querySelector(`[name$="-${name}"]`);
    if (found instanceof HTMLInputElement || found instanceof HTMLSelectElement) return found;
    throw new Error(`An answer lacks its ${name}.`);
  };
  const label = (/** @type {HTMLElement} */ row) => field(row, "label").value.trim();

  /** Rows that hold something, at least START. */
  const shown = Math.max(START, rows.findLastIndex((row) => label(row) !== "") + 1);
  rows.forEach((row, index) => (row.hidden = index >= shown));

  if (add instanceof HTMLButtonElement) {
    const look = () => (add.hidden = rows.every((row) => !row.hidden));
    look();
    add.addEventListener("click", () => {
      const next = rows.find((row) => row.hidden);
      if (!next) return;
      next.hidden = false;
      look();
      nameMirrors();
      field(next, "label").focus();
    });
  }

  /** "answer 2" reads better as the answer's own words. */
  function nameMirrors() {
    for (const row of rows) {
      const mirror = field(row, "mirror");
      if (!(mirror instanceof HTMLSelectElement)) continue;
      for (const option of mirror.options) {
        const other = rows[Number(option.value) - 1];
        if (!other) continue;
        option.textContent = label(other) || `answer ${option.value}`;
        option.hidden = other === row || other.hidden;
      }
    }
  }

  /** If A becomes B in a mirror, B becomes A, and whoever was B's partner is alone again. */
  rows.forEach((row, index) => {
    field(row, "label").addEventListener("input", nameMirrors);
    field(row, "mirror").addEventListener("change", () => {
      const own = String(index + 1);
      const chosen = field(row, "mirror").value;
      for (const [at, other] of rows.entries()) {
        if (other === row) continue;
        const mirror = field(other, "mirror");
        if (String(at + 1) === chosen) mirror.value = own;
        else if (mirror.value === own || (chosen && mirror.value === chosen)) mirror.value = "";
      }
    });
  });
  nameMirrors();
}

const question = document.querySelector("[data-question]");
const own = document.querySelector("[data-own]");
if (question && own instanceof HTMLElement) {
  const look = () => {
    const chosen = question.querySelector("input:checked");
    own.hidden = !(chosen instanceof HTMLInputElement && chosen.value === "own");
  };
  question.addEventListener("change", () => {
    look();
    nameAnew(!own.hidden);
  });
  look();
}

/**
 * The title that was offered is the built-in question's; nobody should give it to their own by
 * mistake.
 *
 * @param {boolean} isOwn
 */
function nameAnew(isOwn) {
  const title = document.querySelector("[data-new-campaign] [name=title]");
  if (!(title instanceof HTMLInputElement)) return;
  if (isOwn && title.value === title.defaultValue) title.value = "";
  else if (!isOwn && title.value === "") title.value = title.defaultValue;
  title.dispatchEvent(new Event("input"));
}
