// Light or dark: as the system says, until switched; remembered.

const root = document.documentElement;

function stored() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

const systemDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

export function startTheme() {
  const theme = stored();
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
}

export const isDark = () => (root.dataset.theme ?? (systemDark() ? "dark" : "light")) === "dark";

export function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    /* not remembered then */
  }
}
