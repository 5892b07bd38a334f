// @ts-check
/** Seconds that a face was really on screen: a hidden tab does not count. */

export class Stopwatch {
  constructor() {
    this.before = 0;
    /** @type {number | null} */
    this.since = null;
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") this.#stop();
      else this.since ??= performance.now();
    });
  }

  restart() {
    this.before = 0;
    this.since = document.visibilityState === "hidden" ? null : performance.now();
  }

  get seconds() {
    const running = this.since === null ? 0 : performance.now() - this.since;
    return Math.round(this.before + running) / 1000;
  }

  #stop() {
    if (this.since !== null) this.before += performance.now() - this.since;
    this.since = null;
  }
}
