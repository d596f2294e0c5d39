/** The shop that the tests use, at LARDER_URL, and what staff do there. */

import { randomUUID } from "node:crypto";

import { Larder, MemoryStorage } from "../dist/index.js";

export const SHOP = process.env.LARDER_URL;
export const PASSWORD = "correct horse battery staple";
const [STAFF, STAFF_PASSWORD] = (process.env.LARDER_STAFF ?? "admin:12345").split(":");

let token;

const TRIES = 60;

/** Sends a request as staff, or without a token, again while the shop is busy; it has to succeed. */
export async function ask(method, path, body, headers = {}) {
  const sent = { "Content-Type": "application/json", ...headers };
  let answer;
  for (let n = 0; n < TRIES && (!answer || answer.status === 503); n += 1) {
    if (answer) await new Promise((resolve) => setTimeout(resolve, 500));
    answer = await fetch(`${SHOP}/api/v1/${path}`, {
      method,
      headers: sent,
      body: body && JSON.stringify(body),
    });
  }
  if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
  return answer.status === 204 ? undefined : answer.json();
}

export async function asStaff(method, path, body) {
  const given = { username: STAFF, password: STAFF_PASSWORD };
  token ??= (await ask("POST", "auth/token", given)).access;
  return ask(method, path, body, { Authorization: `Bearer ${token}` });
}

export async function makeProduct(quantity) {
  const sku = `SDK-${randomUUID()}`;
  return asStaff("POST", "products", { sku, name: sku, price: "2.50", quantity });
}

export async function receive(product, delta) {
  await asStaff("POST", "stock/adjustments", { reason: "received", lines: [{ product, delta }] });
}

/** Registers a customer; returns the username. */
export async function register() {
  const username = `phone-${randomUUID()}`;
  await ask("POST", "auth/register", { username, password: PASSWORD });
  return username;
}

/** A phone that is logged in. Its `storage` can be given to another one: the app after its death. */
export async function phone(url = SHOP, options = {}) {
  const storage = new MemoryStorage();
  const larder = new Larder({ url, storage, timeout: 5000, ...options });
  const username = await register();
  await larder.logIn(username, PASSWORD);
  return { larder, storage, username };
}

/** The orders that the shop has of this customer. */
export async function ordersOf(larder) {
  return (await larder.page("orders", { limit: "100" })).results;
}
