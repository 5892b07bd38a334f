// @ts-check
/** Dark or light, as the system has it until the person says otherwise; and menus that close. */

const root = document.documentElement;

/** @returns {"dark" | "light"} */
function shown() {
  const chosen = root.dataset.theme;
  if (chosen === "dark" || chosen === "light") return chosen;
  return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.addEventListener("click", () => {
    const theme = shown() === "dark" ? "light" : "dark";
    root.dataset.theme = theme;
    // A cookie, so that the server writes the next page in the right colours from its first byte.
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  });
}

/** @type {NodeListOf<HTMLDetailsElement>} */
const menus = document.querySelectorAll("details[data-menu]");
document.addEventListener("click", (event) => {
  for (const menu of menus) {
    if (!(event.target instanceof Node) || !menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (menu.open) menu.querySelector("summary")?.focus();
    menu.open = false;
  }
});
