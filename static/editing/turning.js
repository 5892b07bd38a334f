// @ts-check
/** Turn heads by slider and keyboard: every frame is on the page, one of each stage is shown. */

/** @param {number} degrees */
const signed = (degrees) => `${degrees > 0 ? "+" : degrees < 0 ? "−" : ""}${Math.abs(degrees)}°`;

/**
 * @typedef {object} Stage
 * @property {HTMLImageElement[]} frames
 * @property {HTMLElement} measured
 */

/**
 * The frame nearest to these degrees: two stages need not have the same ones.
 * @param {Stage} stage
 * @param {number} degrees
 */
function nearest({ frames }, degrees) {
  const off = frames.map((frame) => Math.abs(Number(frame.dataset.degrees) - degrees));
  return off.indexOf(Math.min(...off));
}

/**
 * One slider for all stages of an element; it stops where the first stage has frames.
 * @param {HTMLElement} turning with data-start, a slider, and [data-stage] parts
 * @param {{everywhere: boolean}} options whether keys turn from all over the page
 */
export function wireTurning(turning, { everywhere }) {
  const slider = /** @type {HTMLInputElement} */ (turning.querySelector("input[type=range]"));
  const asked = /** @type {HTMLElement} */ (turning.querySelector("[data-asked]"));
  const points = /** @type {NodeListOf<SVGElement>} */ (turning.querySelectorAll(".plot g"));
  /** @type {Stage[]} */
  const stages = Array.from(turning.querySelectorAll("[data-stage]"), (stage) => ({
    frames: Array.from(stage.querySelectorAll("img")),
    measured: /** @type {HTMLElement} */ (stage.querySelector("[data-measured]")),
  }));
  const last = stages[0].frames.length - 1;

  const show = () => {
    const degrees = Number(stages[0].frames[Number(slider.value)].dataset.degrees);
    for (const stage of stages) {
      const at = nearest(stage, degrees);
      stage.frames.forEach((frame, index) => { frame.hidden = index !== at; });
      stage.measured.textContent = `measured ${signed(Math.round(10 * Number(stage.frames[at].dataset.yaw)) / 10)}`;
    }
    for (const point of points) point.classList.toggle("here", Number(point.dataset.degrees) === degrees);
    asked.textContent = signed(degrees);
    const told = stages.map((stage) => stage.measured.textContent).join(", ");
    slider.setAttribute("aria-valuetext", `${asked.textContent}, ${told}`);
  };

  /** @param {KeyboardEvent} event */
  const turn = (event) => {
    const elsewhere = event.target instanceof Element && event.target.closest("input, select, textarea, summary, button, a");
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = Number(slider.value);
    /** @type {Record<string, number>} */
    const moves = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last, 0: Number(turning.dataset.start) };
    if (!(event.key in moves)) return;
    // The slider itself knows its arrows; 0 is ours everywhere but in a field of text.
    if (elsewhere && !(elsewhere === slider && event.key === "0")) return;
    event.preventDefault();
    slider.value = String(Math.min(Math.max(moves[event.key], 0), last));
    show();
  };
  slider.addEventListener("input", show);
  (everywhere ? document : turning).addEventListener("keydown", (event) => turn(/** @type {KeyboardEvent} */ (event)));
  show();
}
