// @ts-check
/** What the server wrote into the page: elements that must be there, and their data- attributes. */

/**
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @returns {T}
 */
export function find(selector, type) {
  const element = document.querySelector(selector);
  if (!(element instanceof type)) throw new Error(`The page lacks ${selector}.`);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {string} name in camel case
 */
export function given(element, name) {
  const value = element.dataset[name];
  if (value === undefined) throw new Error(`The page lacks the attribute for ${name}.`);
  return value;
}
