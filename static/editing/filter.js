// @ts-check
/** The form that says which faces are meant: its query string, and buttons for attributes. */

/**
 * The filter as a query string; boxes of one name become one list.
 * @param {HTMLFormElement} form
 */
export function queryOf(form) {
  /** @type {Map<string, string[]>} */
  const values = new Map();
  for (const [name, value] of new FormData(form)) {
    const text = String(value).trim();
    if (text) values.set(name, [...(values.get(name) ?? []), text]);
  }
  return [...values]
    .map(([name, texts]) => `${name}=${encodeURIComponent(texts.join(",")).replaceAll("%2C", ",")}`)
    .join("&");
}

/**
 * Buttons of attributes go on at each press: any, with, without; the field says the same.
 * @param {HTMLFormElement} form
 */
export function wireAttributes(form) {
  const attributes = form.elements.namedItem("attributes");
  if (!(attributes instanceof HTMLInputElement)) return;
  const textsOf = () => attributes.value.split(",").map((text) => text.trim());

  /** Show on the buttons what the field asks for. */
  const mirror = () => {
    const texts = textsOf();
    /** @type {NodeListOf<HTMLElement>} */
    const buttons = form.querySelectorAll("[data-attribute]");
    for (const button of buttons) {
      const name = button.dataset.attribute ?? "";
      const state = texts.includes(name) ? "with" : texts.includes(`-${name}`) ? "without" : "";
      button.dataset.asked = state;
      button.setAttribute("aria-label", state ? `${state} ${name}` : name);
    }
  };
  form.addEventListener("click", (event) => {
    const button = event.target instanceof Element ? event.target.closest("[data-attribute]") : null;
    if (!(button instanceof HTMLElement)) return;
    const name = button.dataset.attribute ?? "";
    const rest = textsOf().filter((text) => text && text !== name && text !== `-${name}`);
    const asks = button.dataset.asked === "" ? [name] : button.dataset.asked === "with" ? [`-${name}`] : [];
    attributes.value = [...rest, ...asks].join(",");
    mirror();
    attributes.dispatchEvent(new Event("input", { bubbles: true }));
  });
  attributes.addEventListener("input", mirror);
  mirror();
}
