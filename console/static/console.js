// Live pages, the Connect dialog, and small helps in forms. Everything essential works without this script.
"use strict";

const CALM_MS = 20000;
const BUSY_MS = 2500;
const PANEL_MS = 600;
const SOON_MS = 250;
const GIVE_UP_AFTER_MS = 10000;

// --- Making one tree like another, so that nothing flickers and focus, selection and what was typed stay ---------

// Elements marked data-parts hold parts that come, go and change places; white space between those has no meaning.
function partsOf(element, marked = element.hasAttribute("data-parts")) {
  return [...(marked ? element.children : element.childNodes)];
}

function keyOf(node) {
  return node.id ? `#${node.id}` : `${node.nodeName}.${node.classList?.[0] ?? ""}`;
}

function makeChildrenAlike(old, next) {
  const wanted = partsOf(next, old.hasAttribute("data-parts"));
  const keys = new Set(wanted.map(keyOf));
  partsOf(old).filter((part) => !keys.has(keyOf(part))).forEach((part) => part.remove());
  wanted.forEach((node, index) => {
    const parts = partsOf(old);
    const here = parts.slice(index).find((part) => keyOf(part) === keyOf(node));
    if (!here) {
      old.insertBefore(document.importNode(node, true), parts[index] ?? null);
    } else {
      if (here !== parts[index]) old.insertBefore(here, parts[index]);
      makeAlike(here, node);
    }
  });
  partsOf(old).slice(wanted.length).forEach((part) => part.remove());
}

function makeAlike(old, next) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== next.data) old.data = next.data;
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE || old.matches("form[data-sent]")) return;
  for (const { name } of [...old.attributes]) if (!next.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of next.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  makeChildrenAlike(old, next);
}

async function pageAt(url, options = {}) {
  const answer = await fetch(url, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_AFTER_MS), ...options });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { answer, page };
}

// --- The live part of a page ---------------------------------------------------------------------------------------

let timer = 0;
let lookingSince = 0;
let wantsAnother = false;

function live() {
  return document.getElementById("live");
}

function showLost(isLost) {
  let told = document.getElementById("lost");
  if (!told && isLost) {
    told = document.createElement("div");
    told.id = "lost";
    told.className = "notice bad lost";
    told.setAttribute("role", "alert");
    told.textContent = "The console is not responding. This page may be out of date; it retries automatically.";
    document.body.append(told);
  }
  if (told) told.hidden = !isLost;
}

async function lookAgain() {
  if (!live()) return;
  if (lookingSince) {
    wantsAnother = true;
    return;
  }
  lookingSince = Date.now();
  try {
    const { answer, page } = await pageAt(location.href);
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
      location.assign(answer.url);
      return;
    }
    const next = page.getElementById("live");
    if (!answer.ok || !next) throw new Error(`status ${answer.status}`);
    const before = live().dataset.state;
    makeAlike(live(), next);
    document.title = page.title;
    if (before !== live().dataset.state) say(live().dataset.says);
    showLost(false);
  } catch {
    showLost(true);
  } finally {
    lookingSince = 0;
    const soon = wantsAnother;
    wantsAnother = false;
    plan(soon ? SOON_MS : live().dataset.live === "busy" ? BUSY_MS : CALM_MS);
  }
}

function say(text) {
  const said = document.getElementById("said");
  if (said && text) said.textContent = text;
}

function plan(afterMs) {
  clearTimeout(timer);
  if (!document.hidden) timer = setTimeout(lookAgain, afterMs);
}

let events = null;

function listen() {
  const path = document.body.dataset.events;
  events?.close();
  events = null;
  // A browser has six connections to a host: pages that nobody looks at must not take them from those that are.
  if (document.hidden || !path || !(live() || document.querySelector("[data-dialog], [data-panel]"))) return;
  events = new EventSource(path);
  events.addEventListener("look", () => {
    if (live()) plan(SOON_MS);
    if (panelTimer) planPanel(0);
  });
  // A browser gives a stream up for good when it is answered with an error, as while a console restarts.
  events.addEventListener("error", () => {
    if (events?.readyState === EventSource.CLOSED) setTimeout(listen, BUSY_MS);
  });
}

// --- The panel: Connect in a dialog, or as a page of its own ----------------------------------------------------------

let panelTimer = 0;
let panelUrl = "";
let dialog = null;

function panel() {
  return (dialog ?? document).querySelector("[data-panel]");
}

function panelOf(page) {
  return page.querySelector("[data-panel]");
}

async function openDialog(url, opener) {
  const { answer, page } = await pageAt(url);
  const next = answer.ok && panelOf(page);
  if (!next) {
    location.assign(url);
    return;
  }
  dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "panel-title");
  dialog.append(document.importNode(next, true));
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    clearTimeout(panelTimer);
    panelTimer = 0;
    dialog.remove();
    dialog = null;
    opener.focus();
    lookAgain();
  });
  dialog.showModal();
  panelUrl = url;
  dress(dialog);
  dialog.querySelector("input:not([type=hidden])")?.focus();
}

function showPanel(next, url, isNew) {
  panelUrl = url;
  if (isNew) {
    panel().replaceWith(document.importNode(next, true));
    dress(panel());
    (panel().querySelector("[aria-invalid]") ?? panel().querySelector("h1"))?.focus();
  } else {
    const before = panel().dataset.outcome;
    makeAlike(panel(), next);
    if (before !== panel().dataset.outcome) {
      dress(panel());
      (panel().querySelector("[aria-invalid]") ?? panel().querySelector("h1")).focus();
    }
  }
  if (!dialog) history.replaceState(null, "", url);
  planPanel(PANEL_MS);
}

function planPanel(afterMs) {
  clearTimeout(panelTimer);
  panelTimer = 0;
  if (["going", "trying"].includes(panel()?.dataset.outcome)) panelTimer = setTimeout(refreshPanel, afterMs);
}

async function refreshPanel() {
  const url = panelUrl;
  try {
    const { answer, page } = await pageAt(url);
    if (!panel() || url !== panelUrl) return;
    const next = panelOf(page);
    if (!next) {
      if (answer.ok) location.assign(answer.url);
      else throw new Error(`status ${answer.status}`);
      return;
    }
    showLost(false);
    showPanel(next, url, false);
  } catch {
    showLost(true);
    planPanel(BUSY_MS);
  }
}

async function sendPanel(form) {
  const body = new URLSearchParams(new FormData(form));
  const button = form.querySelector("[type=submit]");
  button.setAttribute("aria-disabled", "true");
  try {
    const { answer, page } = await pageAt(form.action, { method: "POST", body });
    const next = panelOf(page);
    if (next) showPanel(next, answer.redirected ? answer.url : panelUrl, true);
    else if (answer.ok) location.assign(answer.url);
    else document.querySelector("main").replaceWith(document.importNode(page.querySelector("main"), true));
  } catch {
    showLost(true);
    button.removeAttribute("aria-disabled");
    delete form.dataset.sent;
  }
}

// --- Small helps in forms -----------------------------------------------------------------------------------------

function dress(root) {
  root.querySelectorAll("[data-shows]").forEach((button) => {
    button.hidden = false;
  });
  root.querySelectorAll("select[data-guess]").forEach((select) => {
    const guessed = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (select.value || ![...select.options].some((option) => option.value === guessed)) return;
    select.value = guessed;
    select.closest(".field").querySelector("[data-guessed]").hidden = false;
  });
  root.querySelectorAll("[data-spaces-of]").forEach(noticeSpaces);
}

function noticeSpaces(told) {
  const field = told.closest("form").elements[told.dataset.spacesOf];
  told.hidden = field.value === field.value.trim();
}

document.addEventListener("input", (event) => {
  event.target.form?.querySelectorAll(`[data-spaces-of="${CSS.escape(event.target.name)}"]`).forEach(noticeSpaces);
});

document.addEventListener("click", (event) => {
  const target = event.target.closest("a, button");
  if (!target || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (target.dataset.shows) {
    const field = target.form.elements[target.dataset.shows];
    const isShown = field.type === "password";
    field.type = isShown ? "text" : "password";
    target.textContent = isShown ? "Hide" : "Show";
    target.setAttribute("aria-pressed", String(isShown));
  } else if ("dialog" in target.dataset) {
    event.preventDefault();
    openDialog(target.href, target).catch(() => location.assign(target.href));
  } else if ("close" in target.dataset && dialog) {
    event.preventDefault();
    dialog.close();
  } else if ("panelLink" in target.dataset && dialog) {
    event.preventDefault();
    pageAt(target.href)
      .then(({ answer, page }) => (panelOf(page) ? showPanel(panelOf(page), answer.url, true) : location.assign(target.href)))
      .catch(() => location.assign(target.href));
  }
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  // Twice is once: a second press while the first is under way does nothing.
  if ("sent" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "";
  form.querySelector("[type=submit]").setAttribute("aria-disabled", "true");
  if (form.closest("[data-panel]") && (dialog || "connect" in form.dataset)) {
    event.preventDefault();
    sendPanel(form);
  }
});

// A page that the browser kept is not as it was: what was sent may be sent again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent);
  document.querySelectorAll("[aria-disabled]").forEach((button) => button.removeAttribute("aria-disabled"));
  listen();
  lookAgain();
});
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  listen();
  if (!document.hidden) lookAgain();
});
addEventListener("pagehide", () => events?.close());

dress(document);
if (live()) plan(live().dataset.live === "busy" ? BUSY_MS : CALM_MS);
if (document.querySelector("main [data-panel]")) {
  panelUrl = location.href;
  planPanel(PANEL_MS);
}
listen();
