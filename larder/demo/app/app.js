/** The example app: what it keeps, how it stays up to date, and which page is shown. */

import { accountPage, logInPage } from "./account.js";
import { cartPage } from "./cart.js";
import { Catalogue } from "./catalogue.js";
import { number, when } from "./dom.js";
import { orderPage, ordersPage } from "./orders.js";
import { productPage, productsPage } from "./products.js";
import { subscribe } from "./push.js";
import { IndexedDbStorage, Larder, NoNetworkError, SessionEndedError } from "./sdk/index.js";

const SYNC_EVERY = 2 * 60_000;
const RETRY = 3_000;
const TOAST_FOR = 4_000;
/** Short lists that are read with the catalogue. */
const LISTS = ["categories", "me/addresses"];
const storage = new IndexedDbStorage("larder-example");
const element = (id) => document.getElementById(id);

/** What the pages use. */
export const shop = {
  larder: new Larder({ url: location.origin, storage }),
  /** The products of the offline copy. */
  catalogue: new Catalogue(),
  /** What is searched. It is stored when the page is left. */
  filter: JSON.parse(sessionStorage.getItem("filter") ?? "{}"),
  /** `[exact stock, that of the copy then]` by the product's id. */
  figures: new Map(),
  /** Returns the units in the cart by the product's id. */
  async cart() {
    await writing.catch(() => {});
    return new Map((await storage.get(await cartKey())) ?? []);
  },
  /** Puts units of products, by id, in the cart; one change after the other. */
  put(changes) {
    const write = async () => {
      const cart = new Map((await storage.get(await cartKey())) ?? []);
      for (const [product, units] of changes)
        if (units > 0) cart.set(product, units);
        else cart.delete(product);
      await storage.write({ [await cartKey()]: [...cart] });
      showUnits(cart);
    };
    return (writing = writing.then(write, write));
  },
  /**
   * Empties the cart and writes its order down, both or none: a killed app orders once. Returns
   * its id, or null if the cart is another one by now, such as after an order in another tab.
   */
  async order(draft) {
    const cart = await shop.cart();
    const isInCart = ({ product, quantity }) => cart.get(product) === quantity;
    if (cart.size !== draft.lines.length || !draft.lines.every(isInCart)) return null;
    const id = await shop.larder.outbox.add(draft, { [await cartKey()]: undefined });
    showUnits(new Map());
    return id;
  },
  /** Returns the stock of a product: the exact one, unless the copy has a newer one. */
  stockOf(product) {
    const [exact, copied] = shop.figures.get(product.id) ?? [];
    return copied === product.quantity ? exact : product.quantity;
  },
  async keepStock(figures) {
    for (const [id, ...quantities] of figures) shop.figures.set(id, quantities);
    await storage.write({ [await key("stock")]: [...shop.figures] });
  },
  /** Returns a list that was kept, such as one of LISTS. */
  async list(path) {
    return (await storage.get(await key(path))) ?? [];
  },
  /** Reads the copy of the catalogue into memory. */
  async read() {
    shop.catalogue = new Catalogue(await shop.larder.catalogue.all());
    shop.figures = new Map(await shop.list("stock"));
  },
  /** Says something in the bar, until something else or nothing is said. */
  say(text) {
    element("network").textContent = text;
  },
  /** Says something for a moment. */
  toast(text) {
    clearTimeout(toasting);
    element("toast").textContent = text;
    toasting = setTimeout(() => shop.toast(""), TOAST_FOR);
  },
  /** Says why a request has failed. */
  async fail(error) {
    if (error instanceof SessionEndedError) return;
    if (!(error instanceof NoNetworkError)) shop.toast(error.message);
    else if (error.reason === "not_larder") shop.say("This network asks for a log-in first");
    else await sayOffline();
  },
  async logOut() {
    const names = [...(await storage.entries(await key(""))).keys()];
    await storage.write(Object.fromEntries(names.map((name) => [name, undefined])));
    sessionStorage.clear();
    listening.abort();
    shop.filter = {};
    await shop.larder.logOut();
    await shop.read();
    location.hash = "#/";
    await show(0);
  },
  /** Begins with what is kept: at a place of the page after a log-in. */
  async start(to) {
    await shop.read();
    await show(to);
    await sync();
    void listen();
    await subscribe(shop).catch(shop.fail);
  },
  show,
  sync,
};

const pages = [
  [/^#\/products\/(\d+)$/, productPage],
  [/^#\/cart$/, cartPage],
  [/^#\/orders$/, ordersPage],
  [/^#\/orders\/([\w-]+)(\/thanks)?$/, orderPage],
  [/^#\/account$/, accountPage],
  [/^/, productsPage],
];

let writing = Promise.resolve();
let toasting;

/** Customers who share a device have a cart each. It stays after a log-out. */
async function cartKey() {
  return `cart/${await shop.larder.account()}`;
}

/** Returns the name of a value that stays until the log-out. */
async function key(name) {
  return `app/${await shop.larder.account()}/${name}`;
}

function showUnits(cart) {
  const units = [...cart.values()].reduce((before, more) => before + more, 0);
  element("units").textContent = units ? number(units) : "";
}

async function sayOffline() {
  const at = await storage.get(await key("updated"));
  shop.say(at ? `Offline. Updated at ${when(at)}` : "Offline");
}

/** The pages of the browser's history by their time of arrival, and where they were scrolled to. */
const places = new Map();
let here = history.state?.here ?? Date.now();
let turns = 0;
/** Where the page that the user went to is scrolled to; undefined once it is shown. */
let place;

/** Shows the page of the address. `to`: the user went there, to this place of it. */
async function show(to) {
  const turn = ++turns;
  place = to ?? place;
  const isLoggedIn = await shop.larder.isLoggedIn();
  const [pattern, page] = isLoggedIn
    ? pages.find(([address]) => address.test(location.hash))
    : [/^/, logInPage];
  const content = await page(shop, ...(pattern.exec(location.hash) ?? []).slice(1));
  if (turn !== turns) return;
  element("view").replaceChildren(...content.filter((child) => child !== null));
  element("tabs").hidden = !isLoggedIn;
  const [part] = /^#\/(cart|orders|account)/.exec(location.hash) ?? ["#/"];
  for (const tab of element("tabs").children)
    tab.setAttribute("aria-current", tab.hash === part ? "page" : "false");
  if (place !== undefined) {
    element("view").focus({ preventScroll: true });
    scrollTo(0, place);
    place = undefined;
  }
  if (isLoggedIn) showUnits(await shop.cart());
}

/** Shows the page that the user went to: a new one from its top, one before where it was left. */
function arrive() {
  places.set(here, scrollY);
  here = history.state?.here ?? Date.now();
  history.replaceState({ here }, "");
  void show(places.get(here) ?? 0);
}

/** Brings the copies up to date, and shows what has changed. */
async function sync() {
  const { larder } = shop;
  try {
    if (!(await larder.isLoggedIn())) return;
    const orders = await larder.history.sync();
    for (const path of LISTS) {
      const { results } = await larder.page(path, { limit: "200" });
      await storage.write({ [await key(path)]: results });
    }
    // One that failed may have got some of its pages.
    const isComplete = await larder.catalogue.isComplete();
    const products = await larder.catalogue.sync();
    if (products > 0 || !isComplete) await shop.read();
    await storage.write({ [await key("updated")]: Date.now() });
    shop.say("");
    // Not under the fingers of the user: the next page shows it.
    if (orders + products > 0 && document.activeElement?.tagName !== "INPUT") await show();
  } catch (error) {
    await shop.fail(error);
  }
}

let listening = new AbortController();
let reading = Promise.resolve();
let isStale = false;

/** Hears at once of changes while the page is seen. Without a stream, SYNC_EVERY brings them. */
async function listen() {
  const { larder } = shop;
  let last = "";
  const tell = ({ event, id }) => {
    last = id;
    if (isStale || event === "cart") return;
    isStale = true;
    reading = reading.then(() => {
      isStale = false;
      return sync();
    });
  };
  listening.abort();
  const { signal } = (listening = new AbortController());
  while (!signal.aborted && !document.hidden && (await larder.isLoggedIn())) {
    const watched = [...(await shop.cart()).keys()].slice(0, 100);
    await larder.listen(tell, signal, last, watched).catch(() => (last = ""));
    await new Promise((resolve) => setTimeout(resolve, RETRY + Math.random() * RETRY));
  }
}

/** The user sees the page, or sees it no more. */
function seen() {
  listening.abort();
  if (!document.hidden) void sync().then(listen);
}

shop.larder.onSessionEnded = () => void show(0);
shop.larder.outbox.onChange = () => {
  if (location.hash.startsWith("#/orders")) void show();
};
shop.larder.outbox.start();
history.scrollRestoration = "manual";
history.replaceState({ here }, "");
addEventListener("hashchange", arrive);
addEventListener("online", seen);
addEventListener("offline", () => void sayOffline());
addEventListener("pagehide", () => sessionStorage.setItem("filter", JSON.stringify(shop.filter)));
document.addEventListener("visibilitychange", seen);
setInterval(() => document.hidden || void sync(), SYNC_EVERY);
navigator.serviceWorker?.register("sw.js");
await shop.start();
