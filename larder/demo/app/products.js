/** The list of products, the page of one, and the buttons that put it in the cart. */

import { choice, counted, h, money, number, picture, setText } from "./dom.js";
import { bell } from "./push.js";

/** Cards of the first screen, and those that come when the list is scrolled. */
const [FIRST, MORE] = [6, 20];
const SOLD_OUT = "Sold out";
const DEBOUNCE = 150;
const MOST_STOCKS = 200;

/** The list, with its place and its cards, as long as the catalogue is the same. */
let list;

export async function productsPage(shop) {
  if (list?.catalogue !== shop.catalogue) list = productList(shop, await shop.list("categories"));
  await list.refresh();
  return list.elements;
}

function productList(shop, categories) {
  const { catalogue, filter } = shop;
  const text = { placeholder: "Search the shop", "aria-label": "Search", value: filter.text ?? "" };
  const search = h("input", { type: "search", ...text });
  const chips = h("form.chips", { "aria-label": "Filters", oninput: () => apply() });
  const count = h("p.soft", { role: "status" });
  const cards = h("ul.cards");
  const end = h("div.end");
  /** Cards by the product's id: made once, and moved by each search. */
  const made = new Map();
  let [cart, ordered, products] = [new Map(), new Set(), []];
  // A newer catalogue leaves the user at the same place.
  let first = Math.max(FIRST, list?.cards.childElementCount ?? 0);

  const card = (product) => {
    const changed = (units) => cart.set(product.id, units);
    if (!made.has(product.id)) made.set(product.id, productCard(shop, product, changed));
    const { element, update } = made.get(product.id);
    update(cart.get(product.id) ?? 0);
    return element;
  };
  /** Shows products from one place to another. Cards that stay where they are cost no layout. */
  const fill = (from, to) => {
    const next = products.slice(from, to);
    for (const [place, element] of next.map(card).entries()) {
      const before = cards.children[from + place];
      if (before === undefined) cards.append(element);
      else if (before !== element) before.replaceWith(element);
    }
    askStock(shop, next, (id) => made.get(id)?.update());
  };
  const apply = () => {
    const [is, inCategories] = ["is", "categories"].map((name) => new FormData(chips).getAll(name));
    const { products: matching, corrected } = catalogue.search(search.value);
    products = matching.filter(
      (product) =>
        (inCategories.length === 0 || inCategories.includes(String(product.category))) &&
        (!is.includes("ordered") || ordered.has(product.id)) &&
        (!is.includes("in stock") || shop.stockOf(product) > 0),
    );
    products.sort((a, b) => ordered.has(b.id) - ordered.has(a.id));
    shop.filter = { text: search.value, is, categories: inCategories };
    const isLoading = catalogue.products.length === 0;
    const searched = corrected ? ` for “${corrected}”` : "";
    count.textContent = isLoading ? "Loading the products …" : counted(products.length) + searched;
    while (cards.childElementCount > Math.min(first, products.length)) cards.lastChild.remove();
    fill(0, first);
    first = FIRST;
  };
  const scrolled = ([{ isIntersecting }]) => {
    const shown = cards.childElementCount;
    if (!isIntersecting || shown >= products.length) return;
    fill(shown, shown + MORE);
    // It reports changes only: observed anew, it reports whether there is still room.
    observer.unobserve(end);
    observer.observe(end);
  };
  const observer = new IntersectionObserver(scrolled, { rootMargin: "200px" });
  search.addEventListener("input", apply);
  observer.observe(end);

  const chip = (name, value, label) =>
    choice({ type: "checkbox", name, value, checked: filter[name]?.includes(value) ?? false }, label);
  chips.append(chip("is", "ordered", "Ordered before"), chip("is", "in stock", "In stock"));
  chips.append(...categories.map(({ id, name }) => chip("categories", String(id), name)));

  const refresh = async () => {
    cart = await shop.cart();
    const orders = await shop.larder.history.all();
    ordered = new Set(orders.flatMap(({ lines }) => lines.map((line) => line.product)));
    if (cards.childElementCount === 0) apply();
    else for (const [id, { update }] of made) update(cart.get(id) ?? 0);
  };
  return { catalogue, cards, refresh, elements: [h("div.search", search), chips, count, cards, end] };
}

function productCard(shop, product, changed) {
  const stock = h("span.soft");
  const buttons = stepper(shop, product, { changed });
  const element = h(
    "li.card",
    h(
      "a",
      { href: `#/products/${product.id}` },
      picture(product),
      h("strong", money(product.price, product.currency)),
      h("span.name", product.name),
      stock,
    ),
    buttons.element,
  );
  /** Shows the present stock, and the units in the cart if they are known. */
  const update = (units) => {
    setText(stock, stocked(shop, product));
    buttons.update(units);
  };
  return { element, update };
}

function stocked(shop, product) {
  const stock = shop.stockOf(product);
  return orderable(1, product, stock) > 0 ? `${number(stock)} in stock` : SOLD_OUT;
}

/** The products whose stock is asked for next, by id, each with what is called then. */
const asked = new Map();
let asking;

/** Asks for the exact stock, which the copy has only as of the last change; once for a moment. */
function askStock(shop, products, changed) {
  for (const product of products)
    if (asked.size < MOST_STOCKS) asked.set(product.id, [product, changed]);
  clearTimeout(asking);
  asking = setTimeout(() => void readStock(shop).catch(shop.fail), DEBOUNCE);
}

async function readStock(shop) {
  const batch = new Map(asked);
  asked.clear();
  if (batch.size === 0) return;
  const copied = (product) => batch.get(product)[0].quantity;
  const { results } = await shop.larder.request("GET", `stock?products=${[...batch.keys()]}`);
  shop.say("");
  await shop.keepStock(results.map(({ product, quantity }) => [product, quantity, copied(product)]));
  for (const [id, [, changed]] of batch) changed(id);
}

/** Returns the units nearest to those wanted that can be ordered: whole steps, within the limits. */
export function orderable(wanted, { step = 1, min_quantity = 1, max_per_order }, available) {
  const least = Math.ceil(min_quantity / step) * step;
  const units = Math.min(Math.max(wanted, least), available, max_per_order ?? Infinity);
  const whole = units - (units % step);
  return wanted > 0 && whole >= least ? whole : 0;
}

/** Returns the buttons and the field that change a product's units in the cart. `first` is on the
 * button of a product that is not in it; `changed` gets the units. */
export function stepper(shop, product, { first = "+", changed = () => {} } = {}) {
  const { step } = product;
  let units = 0;
  const set = (wanted) => {
    const most = orderable(wanted, product, shop.stockOf(product));
    if (most < wanted) shop.toast(`${number(most)} of ${product.name} can be ordered`);
    field.value = most;
    update(most);
    void shop.put([[product.id, most]]);
    changed(most);
  };
  const field = h("input", {
    inputMode: "numeric",
    autocomplete: "off",
    "aria-label": `${product.name} in the cart`,
    onfocus: () => field.select(),
    onchange: () => set(Math.floor(Number(field.value)) || 0),
  });
  const minus = h("button", { type: "button", "aria-label": `Take ${product.name} out` }, "−");
  const plus = h("button", { type: "button", onclick: () => set(units + step) });
  minus.addEventListener("click", () => set(units - step < product.min_quantity ? 0 : units - step));
  const element = h("div.stepper", minus, field, plus);
  const update = (now = units) => {
    units = now;
    // Not what the user is typing.
    if (document.activeElement !== field) field.value = units;
    setText(plus, units ? "+" : first);
    plus.ariaLabel = plus.textContent === "+" ? `Add ${product.name}` : first;
    plus.disabled = orderable(units + step, product, shop.stockOf(product)) <= units;
    element.classList.toggle("empty", units === 0);
  };
  return { element, update };
}

export async function productPage(shop, id) {
  const product = shop.catalogue.byId.get(Number(id));
  if (product === undefined) return [h("h2", "Product"), h("p", "It is not sold.")];
  const { price, currency, step, min_quantity, max_per_order } = product;
  const stock = h("p");
  const buttons = stepper(shop, product, { first: `Add · ${money(price, currency)}` });
  const watch = () => shop.larder.request("PUT", `me/watches/${id}`);
  const back = bell(shop, "Tell me when it is back", watch);
  const update = (units) => {
    stock.textContent = stocked(shop, product);
    if (back) back.hidden = stock.textContent !== SOLD_OUT;
    buttons.update(units);
  };
  update((await shop.cart()).get(product.id) ?? 0);
  askStock(shop, [product], () => update());
  const facts = [
    `SKU ${product.sku}`,
    min_quantity > 1 ? `at least ${min_quantity}` : "",
    step > 1 ? `in steps of ${step}` : "",
    max_per_order ? `at most ${max_per_order}` : "",
  ];
  const each = product.unit ? h("span.soft", ` / ${product.unit}`) : null;
  return [
    h("button", { type: "button", onclick: () => history.back() }, "‹ Back"),
    h(
      "article.product",
      picture(product),
      h(
        "div",
        h("h2", product.name),
        h("p.price", money(price, currency), each),
        stock,
        back,
        h("p", product.description),
        h("p.soft", facts.filter(Boolean).join(", ")),
        h("div.bar", buttons.element),
      ),
    ),
  ];
}
