// Forms with data-passkey: the script asks an authenticator, puts its answer into the form and sends it.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// From JSON to what the browser takes, and from its answer to JSON.
function parsed(options) {
  const ids = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
  const given = { ...options, challenge: bytes(options.challenge) };
  if (options.user) given.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) given.excludeCredentials = ids(options.excludeCredentials);
  if (options.allowCredentials) given.allowCredentials = ids(options.allowCredentials);
  return given;
}

function written(credential) {
  const response = { clientDataJSON: text(credential.response.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"])
    if (credential.response[name]) response[name] = text(credential.response[name]);
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
}

async function ask(form) {
  const answer = await fetch(form.dataset.options, {
    method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" },
    credentials: "same-origin",
  });
  if (!answer.ok) {
    const refusal = await answer.json();
    if (refusal.code === "reauthentication_needed") return location.assign(form.dataset.stepUp);
    throw new Error(refusal.detail);
  }
  const { challenge, public_key: options } = await answer.json();
  const credential = await navigator.credentials[form.dataset.passkey]({ publicKey: parsed(options) });
  form.elements.challenge.value = challenge;
  form.elements.credential.value = written(credential);
  form.submit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    // Nothing of the form is sent again: panel.js disables its buttons until the authenticator has answered.
    ask(form).catch((error) => {
      for (const button of form.querySelectorAll("button")) button.disabled = false;
      const note = form.querySelector("[data-refusal]");
      note.textContent = error instanceof DOMException ? form.dataset.failed : error.message;
      note.hidden = false;
    });
  });
}
