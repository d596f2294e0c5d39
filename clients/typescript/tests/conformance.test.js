/** What the SDK promises, against a real shop (LARDER_URL) and through a hostile proxy. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Larder, MemoryStorage, NoNetworkError, ProblemError, SessionEndedError } from "../dist/index.js";
import { FileStorage } from "../node/file_storage.js";
import { PORTALS, Proxy, pause } from "./proxy.js";
import { asStaff, makeProduct, ordersOf, PASSWORD, phone, receive, register, SHOP } from "./shop.js";

const PLACING = /POST \/api\/v1\/orders$/;
const REFRESH = /auth\/token\/refresh/;
const ANY = /./;

/** A proxy that does this to the first requests whose name matches, and then nothing. */
async function hostile(t, name = ANY, ...faults) {
  const proxy = await new Proxy(SHOP, undefined, () => 1500).open();
  proxy.choose = (seen) => (name.test(seen) ? faults.shift() : undefined);
  t.after(() => proxy.close());
  return proxy;
}

/** Does this to all requests from now on. */
function suffer(proxy, fault) {
  proxy.choose = () => fault;
}

async function add(larder, product, quantity = 2) {
  return larder.outbox.add({ lines: [{ product: product.id, quantity }] });
}

async function only(larder) {
  const [entry, ...others] = await larder.outbox.all();
  assert.deepEqual(others, []);
  return entry;
}

async function left(product) {
  return (await asStaff("GET", `products/${product.id}`)).quantity;
}

/** Waits until an outbox that was started has nothing that is open. */
async function decided(larder) {
  for (let tries = 0; tries < 300; tries++) {
    const open = (await larder.outbox.all()).filter((one) => /waiting|giving_up/.test(one.state));
    if (!open.length) return;
    await pause(100);
  }
  assert.fail("not decided");
}

/** Makes the access token of a phone invalid. */
async function spoil(storage) {
  const session = await storage.get("session");
  await storage.write({ session: { ...session, access: `${session.access}x` } });
}

test("an order is placed, shown and dismissed", async () => {
  const [{ larder }, product] = [await phone(), await makeProduct(9)];
  const id = await add(larder, product);
  await larder.outbox.dismiss(id);
  assert.equal((await only(larder)).state, "waiting");
  await larder.outbox.flush();
  const entry = await only(larder);
  assert.deepEqual([entry.state, entry.order.id, entry.order.total], ["placed", id, "5.00"]);
  assert.deepEqual((await ordersOf(larder)).map((order) => order.id), [id]);
  await larder.outbox.dismiss(id);
  assert.deepEqual(await larder.outbox.all(), []);
});

test("an order is kept and sent although a callback of the app fails", async (t) => {
  const errors = t.mock.method(console, "error", () => {});
  const [{ larder }, product] = [await phone(), await makeProduct(9)];
  larder.outbox.onChange = () => {
    throw new Error("the page is gone");
  };
  t.after(larder.outbox.start());
  await add(larder, product);
  await add(larder, product, 50);
  await decided(larder);
  assert.deepEqual((await larder.outbox.all()).map((one) => one.state), ["placed", "refused"]);
  assert.match(String(errors.mock.calls[0].arguments[0]), /the page is gone/);
});

for (const fault of ["refuse", "lose", "cut", "double", "late", "again", "hang"]) {
  test(`an order is placed once where the network does this: ${fault}`, async (t) => {
    const proxy = await hostile(t, PLACING, fault);
    const [{ larder }, product] = [await phone(proxy.url, { timeout: 2000 }), await makeProduct(9)];
    await add(larder, product);
    await larder.outbox.flush();
    assert.equal((await only(larder)).state, "placed");
    await proxy.settle();
    assert.equal((await ordersOf(larder)).length, 1);
    assert.equal(await left(product), 7);
  });
}

test("an order survives an app that is killed while it is sent", async (t) => {
  const proxy = await hostile(t);
  const file = join(mkdtempSync(join(tmpdir(), "larder-")), "memory.json");
  const product = await makeProduct(9);
  const larder = new Larder({ url: proxy.url, storage: new FileStorage(file) });
  await larder.logIn(await register(), PASSWORD);
  suffer(proxy, "hang");
  const app = fileURLToPath(new URL("app.js", import.meta.url));
  const killed = spawn(process.execPath, [app, file, proxy.url, product.id, 2], { stdio: "inherit" });
  while ((await left(product)) === 9) await pause(50);
  killed.kill("SIGKILL");
  await once(killed, "exit");
  const started = new Larder({ url: SHOP, storage: new FileStorage(file) });
  assert.equal((await only(started)).state, "waiting");
  await started.outbox.flush();
  assert.equal((await only(started)).state, "placed");
  assert.equal((await ordersOf(started)).length, 1);
});

test("an order that was refused is never placed by a copy of the request that comes later", async (t) => {
  const proxy = await hostile(t, PLACING, "late");
  const [{ larder }, product] = [await phone(proxy.url), await makeProduct(1)];
  await add(larder, product);
  await larder.outbox.flush();
  const { state, problem } = await only(larder);
  assert.deepEqual([state, problem.code], ["refused", "insufficient_stock"]);
  assert.equal(problem.lines[0].available, 1);
  await receive(product.id, 8);
  await proxy.settle();
  assert.deepEqual(await ordersOf(larder), []);
  assert.equal(await left(product), 9);
});

test("an order that the user gave up is never placed later", async (t) => {
  const proxy = await hostile(t, PLACING, "late");
  const [{ larder }, product] = [await phone(proxy.url, { tries: 1 }), await makeProduct(9)];
  const id = await add(larder, product);
  await assert.rejects(larder.outbox.flush(), NoNetworkError);
  await larder.outbox.giveUp(id);
  assert.equal((await only(larder)).state, "giving_up");
  await larder.outbox.flush();
  assert.equal((await only(larder)).state, "abandoned");
  await proxy.settle();
  assert.deepEqual(await ordersOf(larder), []);
});

test("an order that was placed before the user gave it up is shown as placed", async (t) => {
  const proxy = await hostile(t, PLACING, "lose");
  const [{ larder }, product] = [await phone(proxy.url, { tries: 1 }), await makeProduct(9)];
  const id = await add(larder, product);
  await assert.rejects(larder.outbox.flush(), NoNetworkError);
  await larder.outbox.giveUp(id);
  await larder.outbox.flush();
  const entry = await only(larder);
  assert.deepEqual([entry.state, entry.order.id], ["placed", id]);
});

test("after outcome_unknown the same order is sent again", async (t) => {
  const problem = { code: "outcome_unknown", status: 500, detail: "" };
  const headers = { "Content-Type": "application/problem+json", "Correlation-ID": "0".repeat(32) };
  const proxy = await hostile(t, PLACING, [500, headers, JSON.stringify(problem)]);
  const [{ larder }, product] = [await phone(proxy.url), await makeProduct(9)];
  await add(larder, product);
  await larder.outbox.flush();
  assert.equal((await only(larder)).state, "placed");
});

test("what was started sends orders when they are added and after the network is back", async (t) => {
  const proxy = await hostile(t);
  const [{ larder }, product] = [await phone(proxy.url, { tries: 1 }), await makeProduct(9)];
  const stop = larder.outbox.start();
  t.after(stop);
  await add(larder, product);
  await decided(larder);
  suffer(proxy, "refuse");
  await add(larder, product);
  await pause(500);
  suffer(proxy, undefined);
  await decided(larder);
  assert.deepEqual((await larder.outbox.all()).map((one) => one.state), ["placed", "placed"]);
});

test("a repeat waits as long as Retry-After says", async (t) => {
  const problem = { code: "overloaded", status: 503, detail: "" };
  const headers = { "Correlation-ID": "0".repeat(32), "Content-Type": "application/problem+json" };
  const busy = [503, { ...headers, "Retry-After": "2" }, JSON.stringify(problem)];
  const proxy = await hostile(t);
  const { larder } = await phone(proxy.url);
  const faults = [busy];
  proxy.choose = () => faults.shift();
  const began = Date.now();
  await larder.request("GET", "me");
  assert.ok(Date.now() - began >= 2000);
  const late = [503, { ...headers, "Retry-After": "3600" }, JSON.stringify(problem)];
  suffer(proxy, late);
  await assert.rejects(larder.request("GET", "me"), { code: "overloaded", retryAfter: 3600 });
});

for (const portal of Object.keys(PORTALS)) {
  test(`a captive portal that answers so is no network: ${portal}`, async (t) => {
    const proxy = await hostile(t);
    const [{ larder }, product] = [await phone(proxy.url, { tries: 1 }), await makeProduct(9)];
    await larder.catalogue.sync();
    const known = (await larder.catalogue.all()).length;
    await add(larder, product);
    suffer(proxy, portal);
    const isNoNetwork = { name: "NoNetworkError", reason: "not_larder" };
    await assert.rejects(larder.request("GET", "me"), isNoNetwork);
    await assert.rejects(larder.catalogue.sync(), isNoNetwork);
    await assert.rejects(larder.outbox.flush(), isNoNetwork);
    assert.equal((await only(larder)).state, "waiting");
    assert.equal((await larder.catalogue.all()).length, known);
    assert.equal(await larder.isLoggedIn(), true);
    suffer(proxy, undefined);
    await larder.outbox.flush();
    assert.equal((await only(larder)).state, "placed");
  });
}

test("many requests with an expired token refresh it once", async (t) => {
  const proxy = await hostile(t);
  const { larder, storage } = await phone(proxy.url);
  await spoil(storage);
  await Promise.all(Array.from({ length: 20 }, () => larder.request("GET", "me")));
  assert.equal(proxy.seen.filter((name) => REFRESH.test(name)).length, 1);
});

for (const fault of ["lose", "double", "again", "refuse"]) {
  test(`a session survives a refresh where the network does this: ${fault}`, async (t) => {
    const proxy = await hostile(t, REFRESH, fault);
    const { larder, storage } = await phone(proxy.url);
    for (let round = 0; round < 2; round++) {
      await spoil(storage);
      await larder.request("GET", "me");
      // A copy that arrives after two exchanges would be that of a thief.
      await proxy.settle();
    }
    await larder.request("GET", "me");
  });
}

test("the end of a session is reported once, and keeps the outbox for the next log-in", async () => {
  const [{ larder, storage, username }, product] = [await phone(), await makeProduct(9)];
  let ended = 0;
  larder.onSessionEnded = () => ended++;
  const { refresh } = await storage.get("session");
  await fetch(`${SHOP}/api/v1/auth/token/revoke`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh }),
  });
  await spoil(storage);
  await add(larder, product);
  await assert.rejects(larder.outbox.flush(), SessionEndedError);
  await assert.rejects(larder.request("GET", "me"), SessionEndedError);
  assert.deepEqual([ended, await larder.isLoggedIn()], [1, false]);
  await larder.logIn(username, PASSWORD);
  await larder.outbox.flush();
  assert.equal((await only(larder)).state, "placed");
});

test("orders and copies of one customer are not those of the next on the same device", async () => {
  const [{ larder, username }, product] = [await phone(), await makeProduct(9)];
  await add(larder, product);
  await larder.catalogue.sync();
  await larder.logIn(await register(), PASSWORD);
  assert.deepEqual([await larder.outbox.all(), await larder.catalogue.all()], [[], []]);
  await larder.outbox.flush();
  await larder.logOut();
  await assert.rejects(larder.request("GET", "me"), SessionEndedError);
  await larder.logIn(username, PASSWORD);
  assert.equal((await only(larder)).state, "waiting");
});

for (const fault of ["slow", "delay"]) {
  test(`orders are not sent as a customer who logs in while one is sent, where the network does this: ${fault}`, async (t) => {
    const proxy = await hostile(t);
    const { larder, username } = await phone(proxy.url);
    const product = await makeProduct(9);
    await Promise.all([add(larder, product), add(larder, product)]);
    const next = await register();
    const isSent = new Promise((resolve) => {
      proxy.choose = (seen) => {
        if (!PLACING.test(seen)) return undefined;
        proxy.choose = () => undefined;
        resolve();
        return fault;
      };
    });
    const isRejected = assert.rejects(larder.outbox.flush(), SessionEndedError);
    await isSent;
    await larder.logOut();
    await larder.logIn(next, PASSWORD);
    await isRejected;
    assert.deepEqual(await ordersOf(larder), []);
    assert.equal(proxy.seen.filter((name) => PLACING.test(name)).length, 1);
    await larder.logIn(username, PASSWORD);
    await larder.outbox.flush();
    assert.deepEqual((await larder.outbox.all()).map((one) => one.state), ["placed", "placed"]);
    assert.equal((await ordersOf(larder)).length, 2);
  });
}

test("a wrong password is a problem with its code", async () => {
  const larder = new Larder({ url: SHOP, storage: new MemoryStorage() });
  const isWrong = (error) => error instanceof ProblemError && error.code === "invalid_credentials";
  await assert.rejects(larder.logIn(await register(), "wrong"), isWrong);
});

test("a copy has what the list has, also after changes, a removal and answers that were cut", async (t) => {
  const proxy = await hostile(t, /changes/, "cut", "lose", "html");
  const { larder, storage } = await phone(proxy.url);
  const [kept, gone] = [await makeProduct(9), await makeProduct(9)];
  await larder.catalogue.sync();
  assert.equal(await larder.catalogue.isComplete(), true);
  await asStaff("PATCH", `products/${kept.id}`, { price: "3.00" });
  await asStaff("DELETE", `products/${gone.id}`);
  for (let tries = 0; tries < 100 && (await larder.catalogue.get(gone.id)); tries++) {
    await larder.catalogue.sync();
    await pause(100);
  }
  assert.equal((await larder.catalogue.get(kept.id)).price, "3.00");
  const listed = [];
  for (let page = await larder.products({ limit: "7" }); ; ) {
    listed.push(...page.results.map((one) => one.id));
    if (page.next === null) break;
    page = await larder.products({}, page.next);
  }
  const copied = (await larder.catalogue.all()).map((one) => one.id);
  assert.deepEqual(copied.sort(), listed.sort());
  const { id } = await larder.request("GET", "me");
  await storage.write({ [`products/${id}`]: { since: "stale", more: false } });
  await larder.catalogue.sync();
  assert.deepEqual((await larder.catalogue.all()).map((one) => one.id).sort(), listed);
});

test("a copy is kept when something else than its position is refused", async (t) => {
  const proxy = await hostile(t);
  const { larder } = await phone(proxy.url);
  const product = await makeProduct(9);
  await larder.catalogue.sync();
  const headers = { "Content-Type": "application/problem+json", "Correlation-ID": "x" };
  suffer(proxy, [400, headers, JSON.stringify({ code: "bad_host", status: 400, detail: "-" })]);
  await assert.rejects(larder.catalogue.sync(), { name: "ProblemError", code: "bad_host" });
  assert.equal((await larder.catalogue.get(product.id)).id, product.id);
});

test("the history has the customer's orders", async () => {
  const [{ larder }, product] = [await phone(), await makeProduct(9)];
  await larder.history.sync();
  const id = await add(larder, product);
  await larder.outbox.flush();
  for (let tries = 0; tries < 100 && !(await larder.history.get(id)); tries++) {
    await larder.history.sync();
    await pause(100);
  }
  assert.equal((await larder.history.get(id)).total, "5.00");
});

test("a request that is not answered ends", async (t) => {
  const proxy = await hostile(t);
  const { larder } = await phone(proxy.url, { timeout: 1000, tries: 1 });
  suffer(proxy, "hang");
  await assert.rejects(larder.request("GET", "me"), { name: "NoNetworkError", reason: "timeout" });
});

test("a path may begin with that of the API", async () => {
  const { larder } = await phone();
  for (const path of ["orders", "/orders", "/api/v1/orders", "api/v1/orders"])
    assert.deepEqual((await larder.request("GET", path)).results, []);
});

test("orders that are added in the same millisecond keep their sequence", async () => {
  const [{ larder }, product] = [await phone(), await makeProduct(9)];
  const adding = [5, 4, 3, 2, 1, 6, 7, 8].map((quantity) => add(larder, product, quantity));
  const ids = await Promise.all(adding);
  assert.deepEqual((await larder.outbox.all()).map((one) => one.id), ids);
});
