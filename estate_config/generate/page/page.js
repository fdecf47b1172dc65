"use strict";

// Without this script the page shows everything. With it: search, filters, links to both, and the choice of colours.
(() => {
  const form = document.getElementById("filters");
  const { q, service, environment, secret } = form.elements;
  const status = document.querySelector("[role=status]");
  const settings = [...document.querySelectorAll("article.setting")];
  const secrets = [...document.querySelectorAll("article.secret")];
  const texts = new Map([...settings, ...secrets].map((card) => [card, card.textContent.toLowerCase()]));

  // "*" and "!" are the names of no secret
  const fits = (name) => secret.value === "" || (secret.value === "*" ? name !== undefined
    : secret.value === "!" ? name === undefined : name === secret.value);

  const filter = () => {
    const words = q.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const card of [...settings, ...secrets]) {
      const services = JSON.parse(card.dataset.services);
      const text = texts.get(card);
      card.hidden = !(fits(card.dataset.name) && (service.value === "" || services.includes(service.value))
        && words.every((word) => text.includes(word)));
    }
    for (const row of document.querySelectorAll("[data-environment]")) {
      row.hidden = environment.value !== "" && row.dataset.environment !== environment.value;
    }
    for (const part of document.querySelectorAll("[data-holds]")) {
      part.hidden = part.querySelector("article:not([hidden])") === null;
    }
    document.getElementById("environments").hidden = words.length > 0 || secret.value !== ""; // what was found comes first
    const shown = settings.filter((card) => !card.hidden).length;
    status.textContent = `${shown} of ${settings.length} settings`;
  };

  const remember = () => {
    const chosen = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const hash = chosen.size ? `#?${chosen}` : "";
    history.replaceState(null, "", hash || location.href.split("#")[0]);
  };

  const choose = (chosen) => {
    for (const field of [q, service, environment, secret]) {
      field.value = chosen.get(field.name) ?? "";
      if (field.selectedIndex === -1) field.value = ""; // a name that is not there any more
    }
    filter();
  };

  const decoded = (text) => { try { return decodeURIComponent(text); } catch { return text; } };

  const follow = () => {
    const hash = location.hash.slice(1);
    if (hash.startsWith("?")) {
      choose(new URLSearchParams(hash.slice(1)));
      return;
    }
    const target = hash && document.getElementById(decoded(hash));
    if (!target) return;
    if (target.closest("[hidden]")) choose(new Map());
    target.tabIndex = -1;
    target.focus({ preventScroll: true });
    target.scrollIntoView();
  };

  form.addEventListener("input", () => { filter(); remember(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
  window.addEventListener("hashchange", follow);
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      q.focus();
    } else if (event.key === "Escape" && event.target === q) {
      event.preventDefault();
      q.value = "";
      filter();
      remember();
    }
  });

  const button = document.getElementById("theme");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => button.setAttribute("aria-pressed", String(isDark()));
  const kept = (change) => { try { return change(localStorage); } catch { return null; } }; // a file's page may have none
  const theme = kept((storage) => storage.getItem("estate-theme"));
  if (theme === "dark" || theme === "light") root.dataset.theme = theme;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    kept((storage) => storage.setItem("estate-theme", root.dataset.theme));
    label();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();

  for (const part of document.querySelectorAll("[data-script]")) part.hidden = false;
  filter();
  follow();
})();
