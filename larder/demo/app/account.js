/** The log-in and the account. */

import { button, h } from "./dom.js";

export async function logInPage(shop) {
  const fault = h("p.bad", { role: "alert" });
  const name = h("input", { name: "username", autocomplete: "username", required: true });
  const password = h("input", { type: "password", autocomplete: "current-password" });
  const refused = (error) => fault.replaceChildren(error.message);
  const logIn = (...words) => shop.larder.logIn(...words).then(() => shop.start(0), refused);
  const submitted = (event) => {
    event.preventDefault();
    void logIn(name.value, password.value);
  };
  // A session that was ended by the shop leaves its account; a log-out does not.
  const hasEnded = (await shop.larder.account()) !== undefined;
  return [
    h("h2", hasEnded ? "Log in again" : "Welcome"),
    hasEnded ? h("p", "Your session has ended. Waiting orders stay.") : null,
    button("Try as demo", () => logIn("demo", "demo"), { className: "primary" }),
    h(
      "form",
      { onsubmit: submitted },
      h("label", "Username", name),
      h("label", "Password", password),
      fault,
      h("button", "Log in"),
    ),
  ];
}

export function accountPage(shop) {
  return [
    h("h2", "Account"),
    h("p", "Orders that wait for the network stay on this device after a log-out."),
    h("aside", "Install it from the menu of the browser: it opens at once, also without a network."),
    button("Log out", shop.logOut),
  ];
}
