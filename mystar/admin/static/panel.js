// Everything here also works without scripts, except for the live progress of studio orders.
"use strict";

const PAUSE = 1000;

// Poll the state of queued orders until none is left.
function follow() {
  const waiting = [...document.querySelectorAll('[data-live][data-state="queued"]')];
  if (!waiting.length) return;
  setTimeout(async () => {
    try {
      const ids = waiting.map((badge) => badge.dataset.live).join(",");
      const answer = await fetch(`/admin/studio-orders/progress/?ids=${ids}`, {
        headers: { Accept: "application/json" }, credentials: "same-origin",
      });
      if (answer.status === 401) return location.reload();
      if (answer.ok) (await answer.json()).orders.forEach(show);
    } catch { /* no connection: try again */ }
    follow();
  }, PAUSE);
}

function show(order) {
  for (const badge of document.querySelectorAll(`[data-live="${order.id}"]`)) {
    badge.dataset.state = order.state;
    badge.textContent = order.words;
    badge.className = `badge ${order.tone}`;
  }
  if (order.state === "queued") return;
  for (const button of document.querySelectorAll(`[data-until="${order.id}"]`)) button.remove();
}

document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches("select[data-submit]")) field.form.requestSubmit();
  if (field.matches("[data-all]"))
    for (const box of field.closest("table").querySelectorAll('input[name="id"]')) box.checked = field.checked;
});

// A second click does not send a form again.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post") return;
  setTimeout(() => { for (const button of event.target.querySelectorAll("button")) button.disabled = true; });
});
// A page restored from the browser's cache is usable again.
addEventListener("pageshow", () => { for (const button of document.querySelectorAll("button:disabled:not([data-off])")) button.disabled = false; });

document.addEventListener("keydown", (event) => {
  // "/" goes to the search box that is visible, unless something is being typed.
  if (event.key === "/" && !event.target.closest("input, textarea, select")) {
    const box = [...document.querySelectorAll("[data-everything]")].find((one) => one.offsetParent);
    if (box) { event.preventDefault(); box.focus(); }
  }
  if (event.key === "Escape") document.querySelector("details.menu[open]")?.removeAttribute("open");
});

// The menu is longer than most windows: the section that is open is in sight.
const side = document.querySelector(".side"), section = side?.querySelector("[aria-current]");
if (section) side.scrollTop = section.offsetTop - side.clientHeight / 2;

// A refused form is answered under its own address: reloading asks for the page that it is on.
const formPage = document.querySelector('input[name="form_page"]');
if (formPage) history.replaceState(null, "", formPage.value);

follow();
