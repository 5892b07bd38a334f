// @ts-check
/** The last answers as a strip of small pictures: what was said, and a way to take it back. */

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
    button.title = `${answer.face.filename}: ${answer.label}. Press to take it back.`;
    button.setAttribute("aria-label", button.title);
    button.addEventListener("click", () => this.takeBack(answer));
    this.list.prepend(item);
    this.answers.push({ answer, item });
    if (this.answers.length > MOST) this.#forget(this.answers[0].answer, true);
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
    entry.item.remove();
    this.answers = this.answers.filter((other) => other !== entry);
    if (isOver) URL.revokeObjectURL(answer.face.picture.src);
  }
}
