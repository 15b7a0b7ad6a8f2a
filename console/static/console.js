// Keeps the content up to date: fetches it every two seconds and changes only what differs, so that nothing flickers
// and focus, selection and opened histories stay. Without this script the page works by reloading.
"use strict";

const content = document.getElementById("fragment");
const lost = document.getElementById("lost");
const said = document.getElementById("said");
const liveSwitch = document.getElementById("live-switch");
const GIVE_UP_AFTER_MS = 10000;

let timer = 0;
let states = statesNow();

function statesNow() {
  return new Map([...content.querySelectorAll("[data-state]")].map((card) => [card.id, card.dataset.state]));
}

async function refresh() {
  try {
    const answer = await fetch(content.dataset.url, { cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_AFTER_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const next = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!liveSwitch.checked) return;
    makeChildrenAlike(content, next.body);
    sayChanges();
    lost.hidden = true;
  } catch {
    lost.hidden = false;
  }
}

function sayChanges() {
  const changed = [...content.querySelectorAll("[data-state]")].filter(
    (card) => states.has(card.id) && states.get(card.id) !== card.dataset.state,
  );
  if (changed.length) said.textContent = changed.map((card) => card.dataset.says).join(". ");
  states = statesNow();
}

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
  if (old.nodeType !== Node.ELEMENT_NODE) return;
  makeAttributesAlike(old, next);
  makeChildrenAlike(old, next);
}

function makeAttributesAlike(old, next) {
  const isTheReaders = (name) => old.nodeName === "DETAILS" && name === "open";
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !isTheReaders(name)) old.removeAttribute(name);
  }
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value && !isTheReaders(name)) old.setAttribute(name, value);
  }
}

async function goOn() {
  clearTimeout(timer);
  if (!liveSwitch.checked || document.hidden) return;
  await refresh();
  clearTimeout(timer);
  timer = setTimeout(goOn, Number(content.dataset.everyMs));
}

document.getElementById("live").hidden = false;
liveSwitch.addEventListener("change", goOn);
document.addEventListener("visibilitychange", goOn);
timer = setTimeout(goOn, Number(content.dataset.everyMs));
