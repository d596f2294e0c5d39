/**
 * Simulated phones run the SDK behind a hostile proxy.
 *
 *     LARDER_URL=… node tests/phones.js SESSIONS PHONES SEED PRODUCTS
 *
 * A session is one start of the app: it logs in if it has to, updates its copies, orders, gives
 * orders up, and is killed at any moment. In the end the network is good: each app is started once
 * more. Prints, as JSON, what each app shows then. PRODUCTS are ids with commas between them.
 */

import { randomUUID } from "node:crypto";

import { Larder, MemoryStorage, SessionEndedError } from "../dist/index.js";
import { FAULTS, PORTALS, Proxy, pause } from "./proxy.js";
import { PASSWORD, receive, register, SHOP } from "./shop.js";

const [sessions, phones, seed] = process.argv.slice(2, 5).map(Number);
const products = process.argv[5].split(",").map(Number);
const HOSTILE = [...FAULTS, ...FAULTS, ...Object.keys(PORTALS)];
const LATEST = 8000;
const FINAL = new Set(["placed", "refused", "abandoned"]);

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
let state = seed;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
}

function pick(list) {
  return list[Math.floor(random() * list.length)];
}

/** The storage of an app that can be killed: after that, nothing that it awaits is answered. */
class Mortal {
  isDead = false;

  constructor(storage) {
    this.storage = storage;
  }

  kill() {
    this.isDead = true;
  }

  get(key) {
    return this.#unlessDead(() => this.storage.get(key));
  }

  entries(prefix) {
    return this.#unlessDead(() => this.storage.entries(prefix));
  }

  write(changes) {
    return this.#unlessDead(() => this.storage.write(changes));
  }

  #unlessDead(run) {
    return this.isDead ? new Promise(() => {}) : run();
  }
}

const counts = { sessions: 0, kills: 0, logIns: 0, faults: 0 };
/** Units that staff received, by product: an order that was refused could be placed from then on. */
const received = Object.fromEntries(products.map((product) => [product, 0]));
const proxy = await new Proxy(
  SHOP,
  () => {
    if (random() > 0.3) return undefined;
    counts.faults++;
    return pick(HOSTILE);
  },
  () => random() * LATEST,
).open();

class Phone {
  storage = new MemoryStorage();
  /** What the app has shown as certain, by id of the order. */
  shown = new Map();
  contradictions = [];

  async prepare() {
    this.username = await register();
    const larder = new Larder({ url: SHOP, storage: this.storage });
    await larder.logIn(this.username, PASSWORD);
  }

  async run(count) {
    for (let number = 0; number < count; number++) {
      await this.session();
      counts.sessions++;
    }
  }

  start() {
    const storage = new Mortal(this.storage);
    const larder = new Larder({ url: proxy.url, storage, timeout: 3000, tries: 3 });
    return { storage, larder, stop: larder.outbox.start() };
  }

  async session() {
    const { storage, larder, stop } = this.start();
    const dies = random() < 0.5;
    const used = this.use(larder).catch((error) => this.fail(error));
    const end = dies ? random() * 4000 : 20_000;
    await Promise.race([used, pause(end)]);
    if (dies) counts.kills++;
    if (!dies) await this.look(larder);
    storage.kill();
    stop();
  }

  /** What a customer does. Failures of the network end it, as the customer does. */
  async use(larder) {
    if (random() < 0.2) await this.forgetToken(larder);
    if (!(await larder.isLoggedIn())) {
      await larder.logIn(this.username, PASSWORD);
      counts.logIns++;
    }
    await larder.catalogue.sync().catch((error) => this.fail(error));
    for (let orders = Math.ceil(random() * 4); orders > 0; orders--) {
      const id = await larder.outbox.add({
        lines: [{ product: pick(products), quantity: Math.ceil(random() * 3) }],
        reference: randomUUID(),
      });
      await pause(pick([0, 300, 1500]));
      if (random() < 0.3) await larder.outbox.giveUp(id);
    }
    await larder.history.sync();
    if (random() < 0.1) await larder.logOut();
  }

  /** The access token expires, or the session ends. */
  async forgetToken(larder) {
    const session = await this.storage.get("session");
    if (!session?.access) return;
    const refresh = random() < 0.3 ? "ended" : session.refresh;
    await this.storage.write({ session: { ...session, access: "expired", refresh } });
    await larder.request("GET", "me").catch((error) => this.fail(error));
  }

  fail(error) {
    const isExpected = ["NoNetworkError", "SessionEndedError", "ProblemError"].includes(error.name);
    if (!isExpected) throw error;
  }

  /** The customer looks at the orders: what was certain once has to stay so. */
  async look(larder) {
    for (const { id, state: now } of await larder.outbox.all()) {
      const before = this.shown.get(id);
      if (before && before !== now) this.contradictions.push(`${id}: ${before}, then ${now}`);
      if (FINAL.has(now)) this.shown.set(id, now);
    }
  }

  /** Starts the app with a good network, and returns what it shows when nothing is open. */
  async finish() {
    const larder = new Larder({ url: SHOP, storage: this.storage });
    await larder.request("GET", "me").catch((error) => {
      if (!(error instanceof SessionEndedError)) throw error;
    });
    if (!(await larder.isLoggedIn())) await larder.logIn(this.username, PASSWORD);
    await larder.outbox.flush();
    await this.look(larder);
    await larder.history.sync();
    await larder.catalogue.sync();
    const orders = await larder.outbox.all();
    return {
      account: await larder.account(),
      contradictions: this.contradictions,
      orders: orders.map(({ id, state: now, order }) => ({ id, state: now, total: order?.total })),
      history: (await larder.history.all()).map(({ id, total }) => ({ id, total })),
      products: (await larder.catalogue.all()).length,
    };
  }
}

const all = Array.from({ length: phones }, () => new Phone());
for (const phone of all) await phone.prepare();
const delivering = setInterval(async () => {
  const product = pick(products);
  received[product] += 2;
  await receive(product, 2);
}, 1000);
await Promise.all(all.map((phone) => phone.run(Math.ceil(sessions / phones))));
clearInterval(delivering);
await proxy.settle();
const shown = [];
for (const phone of all) shown.push(await phone.finish());
proxy.close();
process.stdout.write(`${JSON.stringify({ counts, received, phones: shown })}\n`, () => process.exit());
