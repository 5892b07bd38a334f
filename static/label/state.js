// @ts-check
/** What the page says about answers and progress: saved, waiting, offline, signed out, refused. */

/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("../api.js").ApiError} ApiError */

/** @param {number} n @param {string} noun */
const count = (n, noun) => `${n.toLocaleString("en")} ${noun}${n === 1 ? "" : "s"}`;

export class SaveState {
  /**
   * @param {HTMLElement} desk
   * @param {Outbox} outbox
   * @param {(sentence: string) => void} say to those who do not see the page
   */
  constructor(desk, outbox, say) {
    this.desk = desk;
    this.outbox = outbox;
    this.say = say;
    this.total = Number(desk.dataset.total ?? 0);
    /** @type {ApiError | null} */
    this.trouble = null;
    this.wasWell = true;
    outbox.addEventListener("changed", () => this.draw());
    this.#part("dismiss")?.addEventListener("click", () => outbox.dismiss());
    this.#part("retry")?.addEventListener("click", () => outbox.retry());
  }

  /** @param {number} faces that still want votes */
  set open(faces) {
    this.#text("open", faces.toLocaleString("en"));
    const bar = this.#part("bar");
    if (bar instanceof HTMLProgressElement) bar.value = Math.max(0, this.total - faces);
  }

  /** @param {ApiError | null} error */
  set fetchTrouble(error) {
    this.trouble = error;
    this.draw();
  }

  draw() {
    const waiting = this.outbox.waiting.length;
    const trouble = this.outbox.trouble ?? this.trouble;
    const [kind, sentence] = this.#sentence(waiting, trouble);
    const badge = this.#part("save");
    if (badge && badge.textContent !== sentence) {
      badge.textContent = sentence;
      badge.className = `save ${kind}`;
      // Spoken only when it begins or ends: "saving" after each answer would be noise.
      const isWell = kind === "good" || kind === "waiting";
      if (isWell !== this.wasWell) this.say(isWell ? "The answers are being saved again." : sentence);
      this.wasWell = isWell;
    }
    const signIn = this.#part("sign-in");
    if (signIn) signIn.hidden = !trouble?.isSignedOut;
    this.#drawRejected();
  }

  /**
   * @param {number} waiting
   * @param {ApiError | null} trouble
   * @returns {[string, string]} class and text
   */
  #sentence(waiting, trouble) {
    const kept = `${count(waiting, "answer")} ${waiting === 1 ? "is" : "are"} kept here`;
    if (trouble?.isSignedOut) {
      return ["bad", waiting ? `Signed out. ${kept}.` : "Signed out."];
    }
    if (trouble?.needsQuiz) return waiting ? ["waiting", `Saving ${waiting}`] : ["good", "All saved"];
    if (trouble && !trouble.isPassing) return ["bad", trouble.message];
    if (trouble) {
      const what = trouble.status === 0 ? "Offline" : "Server trouble";
      return ["warn", `${what}. ${waiting ? `${kept}.` : "Trying again."}`];
    }
    if (!this.outbox.isDurable && waiting) return ["warn", `${waiting} waiting in this tab only`];
    return waiting ? ["waiting", `Saving ${waiting}`] : ["good", "All saved"];
  }

  #drawRejected() {
    const rejected = this.outbox.rejected;
    const panel = this.#part("rejected");
    const list = this.#part("rejected-list");
    if (!panel || !list) return;
    panel.hidden = rejected.length === 0;
    list.replaceChildren(
      ...rejected.map((row) => {
        const line = document.createElement("li");
        const what = row.vote ? `${row.vote.filename}, “${row.vote.choice}”` : "Taking back a vote";
        line.textContent = `${what}: ${row.refusal}`;
        return line;
      }),
    );
    this.#text("rejected-count", `${count(rejected.length, "answer")} not stored`);
  }

  /** @param {string} name @returns {HTMLElement | null} */
  #part(name) {
    return this.desk.querySelector(`[data-state-${name}]`);
  }

  /** @param {string} name @param {string} text */
  #text(name, text) {
    const part = this.#part(name);
    if (part) part.textContent = text;
  }
}
