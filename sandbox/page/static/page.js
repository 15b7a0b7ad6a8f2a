// The page's behaviour: forms and buttons with data-request call the control API, then the page is loaded again.
"use strict";

const API = "/sandbox/api";

async function send(request, body) {
  const [method, path] = request.split(" ");
  const options = { method };
  if (body !== undefined) {
    options.headers = { "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  const answer = await fetch(API + path, options);
  const payload = await answer.json();
  if (!answer.ok) throw new Error(payload.error || `The sandbox answered ${answer.status}.`);
  return payload;
}

const VALUE_OF = {
  number: (field) => Number(field.value),
  "number-or-null": (field) => (field.value === "" ? null : Number(field.value)),
  boolean: (field) => field.checked,
  "text-or-null": (field) => field.value || null,
  json: (field) => JSON.parse(field.value),
  "json-or-nothing": (field) => (field.value === "" ? undefined : JSON.parse(field.value)),
  "text-or-nothing": (field) => field.value || undefined,
  text: (field) => field.value,
};

function bodyOf(form) {
  const body = {};
  for (const field of form.elements) {
    if (field.name) body[field.name] = VALUE_OF[field.dataset.kind || "text"](field);
  }
  if ("shift" in form.dataset) {
    const code = body.code;
    delete body.code;
    if (code !== "keep") {
      body.is_flat_rate = code === "flat";
      body.cost_code_ids = /^\d+$/.test(code) ? [Number(code)] : [];
    }
  }
  return body;
}

// A switch that is a list gets one more rule; the rules it has are kept.
async function withRule(form, rule) {
  const path = form.dataset.request.split(" ")[1];
  const switches = await send(`GET ${path}`);
  return { [form.dataset.append]: [...switches[form.dataset.append], rule] };
}

function reloadSaying(text) {
  const open = [...document.querySelectorAll("details[open]")].map((one) => one.id);
  sessionStorage.setItem("open", open.join(" "));
  sessionStorage.setItem("said", text || "Saved.");
  sessionStorage.setItem("scroll", String(window.scrollY));
  location.reload();
}

function showAfterReload() {
  const said = sessionStorage.getItem("said");
  if (!said) return;
  for (const id of sessionStorage.getItem("open").split(" ")) {
    document.getElementById(id)?.setAttribute("open", "");
  }
  window.scrollTo(0, Number(sessionStorage.getItem("scroll")));
  sessionStorage.clear();
  say(said);
}

function say(text) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.hidden = false;
  setTimeout(() => { toast.hidden = true; }, 4000);
}

async function submit(form) {
  const error = form.querySelector(".error");
  const button = form.querySelector("[type=submit]");
  error.hidden = true;
  button.disabled = true;
  try {
    const body = bodyOf(form);
    const made = await send(form.dataset.request, form.dataset.append ? await withRule(form, body) : body);
    if ("goToCompany" in form.dataset) {
      location.href = `/?company=${made.builder_id}`;
    } else {
      reloadSaying(form.dataset.done);
    }
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
    button.disabled = false;
  }
}

function openDialog(button) {
  const dialog = document.getElementById(button.dataset.open);
  const form = dialog.querySelector("form");
  form.reset();
  form.querySelector(".error").hidden = true;
  if (button.dataset.request) {
    form.dataset.request = button.dataset.request;
    form.dataset.done = button.dataset.done;
    dialog.querySelector("[data-dialog-title]").textContent = button.dataset.title;
    fill(form, JSON.parse(button.dataset.fill || "{}"));
  }
  dialog.showModal();
}

function fill(form, values) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements[name];
    if (field.type === "checkbox") field.checked = value;
    else field.value = value;
  }
}

async function confirmed(text) {
  const dialog = document.getElementById("confirm");
  dialog.querySelector("#confirm-text").textContent = text;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  return dialog.returnValue === "yes";
}

async function press(button) {
  if (button.dataset.confirm && !(await confirmed(button.dataset.confirm))) return;
  try {
    await send(button.dataset.request);
    reloadSaying(button.dataset.done);
  } catch (problem) {
    say(problem.message);
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.dataset.request) return;
  event.preventDefault();
  submit(event.target);
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.open) openDialog(button);
  else if ("close" in button.dataset) button.closest("dialog").close();
  else if ("copy" in button.dataset) navigator.clipboard.writeText(button.dataset.copy).then(() => say("Copied."));
  else if (button.dataset.request) press(button);
});

document.addEventListener("change", (event) => {
  if ("submitOnChange" in event.target.dataset) event.target.form.submit();
});

showAfterReload();
