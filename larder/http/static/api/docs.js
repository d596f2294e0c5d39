"use strict";

// The reader of the API's document: openapi-explorer 2.4.820, as npm has it. All addresses of the
// page are relative to /api/v1/.
const explorer = document.querySelector("openapi-explorer");
const button = document.querySelector("button");

const base = new URL(".", location.href).pathname.slice(0, -1);

// The reader shows "any of" where a value may only be null too, and the limits of 64 bits.
const simpler = (value) => {
  if (Array.isArray(value)) return value.map(simpler);
  if (value === null || typeof value !== "object") return value;
  const { anyOf, ...others } = value;
  const options = anyOf?.filter(({ type }) => type !== "null");
  const schema = options?.length === 1 ? { ...others, ...options[0] } : value;
  if (schema.maximum > Number.MAX_SAFE_INTEGER) delete schema.maximum;
  return Object.fromEntries(Object.entries(schema).map(([name, part]) => [name, simpler(part)]));
};

const shorter = (methods) => {
  for (const operation of Object.values(methods)) {
    const { summary, description } = operation;
    // The summary is not said twice.
    if (description.startsWith(summary)) operation.description = description.slice(summary.length + 1).trim();
    // The reader would make up a text that fits the pattern.
    for (const { schema } of operation.parameters ?? []) delete schema.pattern;
  }
  return methods;
};

const show = async () => {
  const content = simpler(await (await fetch("openapi.json")).json());
  const paths = Object.entries(content.paths);
  // Without what all paths have in common.
  content.paths = Object.fromEntries(
    paths.map(([path, methods]) => [path.replace(base, ""), shorter(methods)]),
  );
  Object.assign(content.info, { title: "Overview", version: "" });
  delete content.components.securitySchemes.bearer.description; // The overview says it.
  content.servers = [{ url: location.origin + base }];
  await explorer.loadSpec(content);
};

const RENEWAL = 4 * 60_000; // An access token is valid for five minutes.

const logIn = async () => {
  button.disabled = true;
  try {
    const answer = await fetch("auth/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ ...button.dataset }),
    });
    const { access, detail } = await answer.json();
    if (!answer.ok) throw new Error(detail);
    await explorer.setAuthenticationConfiguration("bearer", { token: access });
    button.textContent = `Logged in as ${button.dataset.username}`;
    setTimeout(logIn, RENEWAL);
  } catch (error) {
    button.textContent = error.message;
    button.disabled = false;
  }
};

show().then(() => {
  if (!button) return; // Only a demo has one.
  button.disabled = false;
  button.addEventListener("click", logIn);
});
