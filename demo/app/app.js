/** The example app: what it keeps, how it stays up to date, and which page is shown. */

import { IndexedDbStorage, Larder, NoNetworkError, SessionEndedError } from "./sdk/index.js";
import { clock } from "./dom.js";
import { accountPage, cartPage, logInPage, orderPage, ordersPage, productsPage } from "./pages.js";

const CATALOGUE_EVERY = 5 * 60_000;
const HISTORY_EVERY = 60_000;
const UNDER_WAY = ["pending", "placed", "packed", "shipped"];
const storage = new IndexedDbStorage("larder-example");
const view = document.getElementById("view");
const network = document.getElementById("network");
const tabs = document.getElementById("tabs");

/** What the pages use. */
export const shop = {
  larder: new Larder({ url: location.origin, storage }),
  /** Returns the units in the cart by the product's id. */
  async cart() {
    return new Map((await storage.get(await cartKey())) ?? []);
  },
  async put(product, units) {
    const cart = await shop.cart();
    if (units > 0) cart.set(product, units);
    else cart.delete(product);
    await storage.write({ [await cartKey()]: [...cart] });
    await showUnits();
  },
  /**
   * Empties the cart and writes its order down, both or none: a killed app orders once. Returns
   * false if the cart is another one by now, such as after an order in another tab.
   */
  async order(draft) {
    const cart = await shop.cart();
    const { lines } = draft;
    if (cart.size !== lines.length || lines.some((one) => cart.get(one.product) !== one.quantity))
      return false;
    await shop.larder.outbox.add(draft, { [await cartKey()]: undefined });
    await showUnits();
    return true;
  },
  /** Returns `[quantity, that of the copy]` of products whose exact stock was read, by id. */
  async stock() {
    const prefix = await stockPrefix();
    const found = await storage.entries(prefix);
    return new Map([...found].map(([key, figures]) => [Number(key.slice(prefix.length)), figures]));
  },
  async keepStock(figures) {
    const prefix = await stockPrefix();
    const changes = figures.map(([id, ...quantities]) => [prefix + id, quantities]);
    await storage.write(Object.fromEntries(changes));
  },
  async logOut() {
    const kept = await storage.entries(await stockPrefix());
    const removed = [...kept.keys(), await updatedKey()].map((key) => [key, undefined]);
    await storage.write(Object.fromEntries(removed));
    sessionStorage.clear();
    await shop.larder.logOut();
  },
  show,
  sync,
  say,
  fail,
};

const pages = [
  [/^#\/cart$/, cartPage],
  [/^#\/orders$/, ordersPage],
  [/^#\/orders\/([\w-]+)$/, orderPage],
  [/^#\/account$/, accountPage],
  [/^/, productsPage],
];
let shown = 0;
/** Whether the user went to a page that is not shown yet. */
let isUnderWay = false;

async function cartKey() {
  return `cart/${await shop.larder.account()}`;
}

async function stockPrefix() {
  return `stock/${await shop.larder.account()}/`;
}

async function updatedKey() {
  return `updated/${await shop.larder.account()}`;
}

async function showUnits() {
  const units = [...(await shop.cart()).values()].reduce((one, other) => one + other, 0);
  document.getElementById("units").textContent = units ? `(${units})` : "";
}

function say(text) {
  network.textContent = text;
}

async function sayOffline() {
  const at = await storage.get(await updatedKey());
  say(at ? `Offline. Updated at ${clock(at)}` : "Offline");
}

/** Says why a request has failed. */
async function fail(error) {
  if (error instanceof SessionEndedError) return;
  if (!(error instanceof NoNetworkError)) say(error.message);
  else if (error.reason === "not_larder") say("This network asks for a log-in first");
  else await sayOffline();
}

/** Shows the page of the address. `isNew`: the user went there, so it begins at its top. */
async function show(isNew = false) {
  const turn = ++shown;
  isUnderWay ||= isNew;
  const isLoggedIn = await shop.larder.isLoggedIn();
  const [pattern, page] = isLoggedIn
    ? pages.find(([one]) => one.test(location.hash))
    : [/^/, logInPage];
  const content = await page(shop, ...(pattern.exec(location.hash) ?? []).slice(1));
  if (turn !== shown) return;
  view.replaceChildren(...content);
  tabs.hidden = !isLoggedIn;
  for (const one of tabs.children) {
    const isHere = one.hash === (location.hash || "#/");
    if (isHere) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  if (isLoggedIn) await showUnits();
  if (isUnderWay) {
    isUnderWay = false;
    view.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

/** Brings copies up to date, without others both, and shows what has changed. */
async function sync(...copies) {
  const { larder } = shop;
  try {
    if (!(await larder.isLoggedIn())) return;
    let changed = 0;
    for (const one of copies.length ? copies : [larder.history, larder.catalogue])
      changed += await one.sync();
    if (!copies.length || copies.includes(larder.catalogue))
      await storage.write({ [await updatedKey()]: Date.now() });
    say("");
    // Not under the fingers of the user: the next page shows it.
    if (changed > 0 && document.activeElement?.tagName !== "INPUT") await show();
  } catch (error) {
    await fail(error);
  }
}

async function syncHistory() {
  const orders = await shop.larder.history.all();
  if (orders.some((one) => UNDER_WAY.includes(one.status))) await sync(shop.larder.history);
}

shop.larder.onSessionEnded = () => void show(true);
shop.larder.outbox.onChange = () => {
  if (location.hash.startsWith("#/orders")) void show();
};
shop.larder.outbox.start();
addEventListener("hashchange", () => void show(true));
addEventListener("online", () => void sync());
addEventListener("offline", () => void sayOffline());
document.addEventListener("visibilitychange", () => document.hidden || void sync());
setInterval(() => document.hidden || void sync(shop.larder.catalogue), CATALOGUE_EVERY);
setInterval(() => document.hidden || void syncHistory(), HISTORY_EVERY);
navigator.serviceWorker?.register("sw.js");
await show();
await sync();
