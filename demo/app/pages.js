/** The pages of the example app. Each returns the elements that it consists of. */

import { button, h, money, reason, reasons, total, when } from "./dom.js";

const ROWS = 30;
const MOST_STOCKS = 200;
const WORDS = {
  waiting: "Waiting for the network",
  giving_up: "Being given up",
  refused: "Refused",
  abandoned: "Given up",
};

export async function logInPage(shop) {
  const note = h("p.bad", { role: "alert" });
  const name = h("input", { name: "username", autocomplete: "username", required: true });
  const password = h("input", { type: "password", autocomplete: "current-password" });
  const logIn = async (event) => {
    event.preventDefault();
    note.textContent = "";
    try {
      await shop.larder.logIn(name.value, password.value);
    } catch (error) {
      note.textContent = error.message;
      return;
    }
    await shop.show(true);
    await shop.sync();
  };
  // A session that was ended by the shop leaves its account; a log-out does not.
  const hasEnded = (await shop.larder.account()) !== undefined;
  return [
    h("h2", {}, "Log in"),
    hasEnded ? h("p", {}, "Your session has ended. Waiting orders stay.") : "",
    h(
      "form",
      { onsubmit: logIn },
      h("label", {}, "Username", name),
      h("label", {}, "Password", password),
      note,
      h("button.primary", {}, "Log in"),
    ),
    h("p.soft", {}, "The demo has a customer demo with the password demo."),
  ];
}

export async function productsPage(shop) {
  const products = (await shop.larder.catalogue.all()).sort((a, b) => a.name.localeCompare(b.name));
  const [cart, figures] = [await shop.cart(), await shop.stock()];
  const search = h("input", { type: "search", placeholder: "Name or SKU", "aria-label": "Search" });
  search.value = sessionStorage.getItem("search") ?? "";
  const count = h("p.soft", { role: "status" });
  const list = h("ul");
  const end = h("p.soft");
  let found = [];
  const more = () => {
    const rows = found.slice(list.childElementCount, list.childElementCount + ROWS);
    list.append(...rows.map((one) => productRow(shop, one, cart, figures.get(one.id))));
    void showStock(shop, rows);
  };
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/);
    const has = (one, word) => `${one.name} ${one.sku}`.toLowerCase().includes(word);
    found = products.filter((one) => words.every((word) => has(one, word)));
    sessionStorage.setItem("search", search.value);
    count.textContent = products.length ? counted(found.length) : "Loading the products …";
    list.replaceChildren();
    more();
  };
  search.addEventListener("input", filter);
  const scrolled = ([one]) => {
    if (!one.isIntersecting || list.childElementCount >= found.length) return;
    more();
    // It reports changes only: observed anew, it reports whether there is still room.
    observer.unobserve(end);
    observer.observe(end);
  };
  const observer = new IntersectionObserver(scrolled, { rootMargin: "600px" });
  observer.observe(end);
  filter();
  return [h("h2", {}, "Products"), search, count, list, end];
}

function counted(products) {
  if (products === 0) return "No product has all these words in its name or SKU.";
  return products === 1 ? "1 product" : `${products} products`;
}

/** `figures`: its exact stock when that was last read, and what the copy had then. */
function productRow(shop, product, cart, [quantity, copied] = []) {
  const known = copied === product.quantity ? quantity : product.quantity;
  const stock = h("p.soft", { id: `stock-${product.id}` }, stocked(product, known));
  return h(
    "li.row",
    {},
    h("h3", {}, picture(product), product.name),
    h("strong", {}, money(product.price, product.currency)),
    stock,
    units(shop, product, cart.get(product.id) ?? 0),
  );
}

function picture({ image_url }) {
  return image_url ? h("img", { src: source(image_url), alt: "", loading: "lazy" }) : null;
}

/** Returns where this page loads a picture. The shop's own are also at the name that it has here. */
function source(address) {
  const { protocol, pathname } = new URL(address);
  return protocol === "http:" && pathname.startsWith("/pictures/") ? pathname : address;
}

function stocked(product, units) {
  return orderable(Infinity, units, product) > 0 ? `${units.toLocaleString()} in stock` : "Sold out";
}

/** Shows the exact stock of these products, which the copy has only as of their last change. */
async function showStock(shop, products) {
  if (products.length === 0) return;
  const ids = products.slice(0, MOST_STOCKS).map((one) => one.id);
  let answer;
  try {
    answer = await shop.larder.request("GET", `stock?products=${ids}`);
  } catch (error) {
    return shop.fail(error);
  }
  shop.say("");
  const copied = new Map(products.map((product) => [product.id, product]));
  const figures = answer.results.map((one) => [one.product, one.quantity, copied.get(one.product).quantity]);
  await shop.keepStock(figures);
  for (const one of answer.results) {
    const shown = document.getElementById(`stock-${one.product}`);
    if (shown) shown.textContent = stocked(copied.get(one.product), one.quantity);
  }
}

/** Returns the buttons that change a product's units in the cart. */
function units(shop, product, first, changed = async () => {}) {
  const output = h("output", { "aria-label": `${product.name} in the cart` }, String(first));
  const step = (by) => async () => {
    await shop.put(product.id, Math.max(0, Number(output.value) + by));
    output.value = String((await shop.cart()).get(product.id) ?? 0);
    await changed();
  };
  const by = product.step ?? 1;
  return h(
    "div.amount",
    {},
    button("−", step(-by), { "aria-label": `Take ${product.name} out` }),
    output,
    button("+", step(by), { "aria-label": `Add ${product.name}` }),
  );
}

export async function cartPage(shop) {
  const cart = await shop.cart();
  const wanted = await Promise.all([...cart.keys()].map((id) => shop.larder.catalogue.get(id)));
  const products = wanted.filter((one) => one !== undefined);
  const gone = [...cart.keys()].filter((_, place) => wanted[place] === undefined);
  for (const id of gone) await shop.put(id, 0);
  const lines = products.map((one) => ({
    product: one.id,
    quantity: cart.get(one.id),
    expected_price: one.price,
  }));
  // Of the refused order whose lines came back.
  const whys = JSON.parse(sessionStorage.getItem("reasons") ?? "{}");
  const outside = Object.entries(whys).filter(([id]) => !cart.has(Number(id)));
  const missing = outside.map(([, { name, why }]) => h("p.bad", {}, `${name}: ${why}`));
  if (products.length === 0)
    return [
      h("h2", {}, "Cart"),
      ...missing,
      h("p", {}, "The cart is empty. "),
      h("a", { href: "#/" }, "Products"),
    ];
  const sum = total(products.map((one) => [one.price, cart.get(one.id)]));
  // Kept, because the page is made anew when units or the copy change.
  const note = h("input", { maxLength: 500, value: sessionStorage.getItem("note") ?? "" });
  note.addEventListener("input", () => sessionStorage.setItem("note", note.value));
  const place = async () => {
    const isPlaced = await shop.order(note.value ? { lines, note: note.value } : { lines });
    if (!isPlaced) return shop.show();
    sessionStorage.removeItem("note");
    sessionStorage.removeItem("reasons");
    location.hash = "#/orders";
  };
  return [
    h("h2", {}, "Cart"),
    gone.length ? h("p.bad", {}, "Products that are not sold any more were taken out.") : "",
    ...missing,
    h(
      "ul",
      {},
      ...products.map((one) =>
        h(
          "li.row",
          {},
          h("h3", {}, one.name),
          h("strong", {}, money(total([[one.price, cart.get(one.id)]]), one.currency)),
          h("p.soft", {}, `${money(one.price, one.currency)} each`),
          units(shop, one, cart.get(one.id), shop.show),
          whys[one.id] ? h("p.bad", {}, whys[one.id].why) : null,
        ),
      ),
    ),
    h("p.total", {}, h("span", {}, "Total"), h("span", {}, money(sum, products[0].currency))),
    h("label", {}, "Note to the shop", note),
    button("Place order", place, { className: "primary" }),
  ];
}

export async function ordersPage(shop) {
  const entries = (await shop.larder.outbox.all()).reverse();
  const products = new Map((await shop.larder.catalogue.all()).map((one) => [one.id, one]));
  const placed = new Map((await shop.larder.history.all()).map((one) => [one.id, one]));
  for (const one of entries) if (one.state === "placed" && !placed.has(one.id)) placed.set(one.id, one.order);
  const history = [...placed.values()].sort((a, b) => (a.placed_at < b.placed_at ? 1 : -1));
  const open = entries.filter((one) => one.state !== "placed");
  const isEmpty = history.length + open.length === 0;
  return [
    h("h2", {}, "Orders"),
    ...open.map((one) => entrySection(shop, one, products)),
    isEmpty ? h("p", {}, "There are no orders yet.") : null,
    h("ul", {}, ...history.map(orderRow)),
  ].filter((one) => one !== null);
}

/** Puts what can be ordered of a refused order into the cart, and keeps why it was refused. */
async function putBack(shop, { draft, problem }, products) {
  const [cart, whys] = [await shop.cart(), {}];
  for (const { product, quantity } of draft.lines) {
    const wanted = (cart.get(product) ?? 0) + quantity;
    const line = problem.lines?.find((one) => one.product === product);
    await shop.put(product, orderable(wanted, line?.available, products.get(product)));
    const name = products.get(product)?.name ?? `Product ${product}`;
    if (line) whys[product] = { name, why: reason(line, problem) };
  }
  sessionStorage.setItem("reasons", JSON.stringify(whys));
}

/** Returns the units that are wanted and available, in steps of the product, or 0. */
function orderable(wanted, available = wanted, { step = 1, min_quantity = 1 } = {}) {
  if (available >= wanted) return wanted;
  const units = available - (available % step);
  return units < min_quantity ? 0 : units;
}

/** Returns about what an order costs that the shop has not seen yet. */
function estimate({ lines }, products) {
  const currency = products.get(lines[0].product)?.currency;
  if (currency === undefined) return null;
  const sum = total(lines.map((one) => [one.expected_price, one.quantity]));
  return h("p.soft", {}, `About ${money(sum, currency)}`);
}

function entrySection(shop, entry, products) {
  const names = new Map([...products.values()].map((one) => [one.id, one.name]));
  const lines = entry.draft.lines.map((one) => `${one.quantity} × ${names.get(one.product) ?? one.product}`);
  const { outbox } = shop.larder;
  const back = async () => {
    await putBack(shop, entry, products);
    // The refusal may come from a copy with earlier prices.
    void shop.sync(shop.larder.catalogue);
    await outbox.dismiss(entry.id);
    location.hash = "#/cart";
  };
  const why = entry.problem ? reasons(entry.problem, names) : [];
  return h(
    "section.row",
    {},
    h("h3", {}, WORDS[entry.state]),
    h("p", {}, lines.join(", ")),
    entry.state === "waiting" ? estimate(entry.draft, products) : null,
    ...why.map((one) => h("p.bad", {}, one)),
    entry.state === "waiting" ? button("Give up", () => outbox.giveUp(entry.id)) : null,
    entry.state === "refused" ? button("Back to the cart", back) : null,
    ["refused", "abandoned"].includes(entry.state)
      ? button("Remove", () => outbox.dismiss(entry.id))
      : null,
  );
}

function orderRow(order) {
  return h(
    "li.row",
    {},
    h("h3", {}, h("a", { href: `#/orders/${order.id}` }, `Order ${order.number}`)),
    h("strong", {}, money(order.total, order.currency)),
    h("p.soft", {}, when(order.placed_at)),
    h("p", {}, order.status),
  );
}

export async function orderPage(shop, id) {
  const sent = (await shop.larder.outbox.all()).find((one) => one.id === id);
  const order = (await shop.larder.history.get(id)) ?? sent?.order;
  if (order === undefined) return [h("h2", {}, "Order"), h("p", {}, "It is not on this device.")];
  const fault = h("p.bad", { role: "alert" });
  const cancel = async () => {
    try {
      const cancelled = { body: {}, key: `cancel-${id}` };
      await shop.larder.history.put(await shop.larder.request("POST", `orders/${id}/cancel`, cancelled));
      await shop.show();
    } catch (error) {
      fault.textContent = error.message;
    }
  };
  return [
    h("h2", {}, `Order ${order.number}`),
    h("p", {}, `Status: ${order.status}. Ordered ${when(order.placed_at)}.`),
    order.note ? h("p", {}, `Note: ${order.note}`) : null,
    h(
      "ul",
      {},
      ...order.lines.map((one) =>
        h(
          "li.row",
          {},
          h("h3", {}, one.name),
          h("strong", {}, money(one.line_total, order.currency)),
          h("p.soft", {}, `${one.quantity} × ${money(one.unit_price, order.currency)}`),
        ),
      ),
    ),
    h("p.total", {}, h("span", {}, "Total"), h("span", {}, money(order.total, order.currency))),
    fault,
    order.status === "placed" ? button("Cancel order", cancel) : null,
  ].filter((one) => one !== null);
}

export async function accountPage(shop) {
  const logOut = async () => {
    await shop.logOut();
    location.hash = "#/";
    await shop.show(true);
  };
  const complete = await shop.larder.catalogue.isComplete();
  return [
    h("h2", {}, "Account"),
    h("p", {}, complete ? "The products are on this device." : "The products are being copied."),
    h("p.soft", {}, "Orders that wait for the network stay on this device after a log-out."),
    button("Log out", logOut),
  ];
}
