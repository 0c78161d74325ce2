// Everything works without this: filters are sent as soon as one is chosen, and a KPI's rows come below its charts.
for (const form of document.querySelectorAll("form[data-filters]"))
  form.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") form.requestSubmit(); });

for (const place of document.querySelectorAll("[data-fetch]")) {
  const button = place.querySelector("a.button");
  button.addEventListener("click", async (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const wait = document.createElement("div");
    wait.className = "skeleton";
    wait.setAttribute("role", "status");
    wait.textContent = place.dataset.wait;
    button.replaceWith(wait);
    try {
      const answer = await fetch(place.dataset.fetch, { redirect: "error" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      wait.replaceWith(...page.querySelectorAll("main > section:not(.filters)"));
    } catch {
      location.assign(place.dataset.fetch);
    }
  });
}
