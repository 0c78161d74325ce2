// Light or dark: as the system says, until switched; remembered.

const root = document.documentElement;

function stored() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

const system = matchMedia("(prefers-color-scheme: dark)");

function apply() {
  const theme = stored() ?? (system.matches ? "dark" : "light");
  root.dataset.theme = theme === "dark" ? "dark" : "light";
}

export function startTheme() {
  apply();
  system.addEventListener("change", apply);
}

export const isDark = () => root.dataset.theme === "dark";

export function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    /* not remembered then */
  }
}
