// @ts-check
/**
 * The last answers as a strip of small pictures: what was said, and a way to take it back. Each
 * keeps its place until the eleventh takes it, so that nothing moves at the edge of one's sight.
 */

/** @typedef {import("./queue.js").Face} Face */

/**
 * @typedef {object} Answer
 * @property {string} id of the vote
 * @property {Face} face
 * @property {string} choice
 * @property {string} label of the choice, for people
 */

const MOST = 10;

export class Recent {
  /**
   * @param {HTMLElement} list an ol
   * @param {HTMLTemplateElement} template one li
   * @param {(answer: Answer) => void} takeBack
   */
  constructor(list, template, takeBack) {
    this.list = list;
    this.template = template;
    this.takeBack = takeBack;
    /** @type {{answer: Answer, item: Element}[]} the newest last */
    this.answers = [];
    this.place = 0;
    for (let place = 0; place < MOST; place += 1) list.append(document.createElement("li"));
  }

  /** @returns {Answer | undefined} */
  get last() {
    return this.answers.at(-1)?.answer;
  }

  /** @param {Answer} answer */
  add(answer) {
    const copy = document.importNode(this.template.content, true);
    const item = copy.firstElementChild;
    const button = item?.querySelector("button");
    const picture = item?.querySelector("img");
    if (!item || !button || !picture) return;
    picture.src = answer.face.picture.src;
    item.setAttribute("data-choice", answer.choice);
    button.title = `${answer.label}. Press to take it back.`;
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => this.takeBack(answer));
    const before = this.list.children[this.place];
    const old = this.answers.find((entry) => entry.item === before);
    if (old) this.#forget(old.answer, true);
    this.list.children[this.place].replaceWith(item);
    this.place = (this.place + 1) % MOST;
    this.answers.push({ answer, item });
    this.#markNewest();
  }

  #markNewest() {
    for (const { item } of this.answers.slice(-2)) item.removeAttribute("data-newest");
    this.answers.at(-1)?.item.setAttribute("data-newest", "");
  }

  /** @param {Answer} answer whose picture goes on being used */
  remove(answer) {
    this.#forget(answer, false);
  }

  /** @param {string} id a vote that the server refused */
  refuse(id) {
    const entry = this.answers.find(({ answer }) => answer.id === id);
    if (entry) this.#forget(entry.answer, true);
  }

  /** @param {Answer} answer @param {boolean} isOver */
  #forget(answer, isOver) {
    const entry = this.answers.find((other) => other.answer === answer);
    if (!entry) return;
    const empty = document.createElement("li");
    // What was taken back is answered again in the same place.
    if (entry === this.answers.at(-1)) this.place = [...this.list.children].indexOf(entry.item);
    entry.item.replaceWith(empty);
    this.answers = this.answers.filter((other) => other !== entry);
    this.#markNewest();
    if (isOver) URL.revokeObjectURL(answer.face.picture.src);
  }
}
