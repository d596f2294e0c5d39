/** The cart: its lines, where and when it is delivered, and the order. */

import { button, choice, dayFromNow, dayName, h, inOneLine, money, picture, total } from "./dom.js";
import { orderable, stepper } from "./products.js";

const DAYS = 6;
const FIELDS = [
  ["name", "Name", "name"],
  ["line1", "Street and number", "address-line1"],
  ["city", "Town", "address-level2"],
  ["postal_code", "Postcode", "postal-code"],
];

export async function cartPage(shop) {
  const cart = await shop.cart();
  const { byId } = shop.catalogue;
  const gone = [...cart.keys()].filter((id) => !byId.has(id));
  if (gone.length) await shop.put(gone.map((id) => [id, 0]));
  const products = [...cart.keys()].flatMap((id) => byId.get(id) ?? []);
  // Of the refused order whose lines came back.
  const notes = JSON.parse(sessionStorage.getItem("refusals") ?? "[]");
  if (gone.length) notes.push("Products that are not sold any more were taken out.");
  const top = [h("h2", "Cart"), ...notes.map((note) => h("p.bad", note))];
  if (products.length === 0)
    return [
      ...top,
      h("p", "The cart is empty."),
      h("a.button", { href: "#/" }, "To the products"),
    ];
  const order = h("span");
  const changed = () => {
    const sum = total(products.map((product) => [product.price, cart.get(product.id)]));
    order.textContent = `Place order · ${money(sum, products[0].currency)}`;
  };
  const lines = products.map((product) => cartLine(shop, product, cart, changed));
  const saved = await shop.list("me/addresses");
  const form = deliveryForm(saved);
  changed();
  const place = async () => {
    const line = ({ id, price }) => ({ product: id, quantity: cart.get(id), expected_price: price });
    if (form.reportValidity()) await placeOrder(shop, products.map(line), saved, form);
  };
  return [
    ...top,
    h("div.columns", h("ul", ...lines), form),
    h("div.bar", button(order, place, { className: "primary" })),
  ];
}

function cartLine(shop, product, cart, changed) {
  const { price, currency } = product;
  const sum = h("strong");
  const show = (units) => {
    cart.set(product.id, units);
    sum.textContent = money(total([[price, units]]), currency);
  };
  const buttons = stepper(shop, product, {
    changed: (units) => {
      if (units === 0) return shop.show();
      show(units);
      changed();
    },
  });
  buttons.update(cart.get(product.id));
  show(cart.get(product.id));
  return h(
    "li.row",
    picture(product),
    h("a", { href: `#/products/${product.id}` }, product.name),
    h("div", sum, h("p.soft", `${money(price, currency)} each`)),
    buttons.element,
  );
}

/** Returns the form for address, day and note. What was entered stays until the order is placed. */
function deliveryForm(saved) {
  const entered = JSON.parse(sessionStorage.getItem("delivery") ?? "{}");
  const { address = saved[0]?.id ?? "new", day = "", note = "" } = entered;
  const field = ([name, label, autocomplete]) => {
    const limits = { required: true, maxLength: 64 };
    return h("label", label, h("input", { name, autocomplete, ...limits, value: entered[name] ?? "" }));
  };
  const fields = h("fieldset", ...FIELDS.map(field));
  const changed = () => {
    const values = Object.fromEntries(new FormData(form));
    fields.hidden = fields.disabled = values.address !== "new";
    sessionStorage.setItem("delivery", JSON.stringify(values));
  };
  const radio = (name, value, chosen, ...words) =>
    choice({ type: "radio", name, value, checked: value === chosen }, ...words);
  const days = Array.from({ length: DAYS }, (_, number) => dayFromNow(number + 1));
  const form = h(
    "form",
    { oninput: changed, onsubmit: (event) => event.preventDefault() },
    h("h3", "Delivery"),
    ...saved.map((place) =>
      radio("address", place.id, address, place.label || "Saved", inOneLine(place)),
    ),
    radio("address", "collect", address, "Collect in the shop"),
    radio("address", "new", address, "Another address"),
    fields,
    h("h3", "Day"),
    h(
      "div.chips",
      radio("day", "", day, "As soon as possible"),
      ...days.map((each) => radio("day", each, day, dayName(each))),
    ),
    h("label", "Note to the shop", h("input", { name: "note", maxLength: 500, value: note })),
  );
  fields.hidden = fields.disabled = address !== "new";
  return form;
}

/** Places the order, or shows the cart if it is another one by now. */
async function placeOrder(shop, lines, saved, form) {
  const { address, day, note, ...entered } = Object.fromEntries(new FormData(form));
  const draft = { lines };
  const { id: _id, label, version, ...known } = saved.find((each) => each.id === address) ?? {};
  if (address !== "collect") draft.ship_to = address === "new" ? entered : known;
  if (day) draft.requested_for = day;
  if (note) draft.note = note;
  const id = await shop.order(draft);
  if (id === null) return shop.show();
  for (const name of ["delivery", "refusals"]) sessionStorage.removeItem(name);
  location.hash = `#/orders/${id}/thanks`;
  if (address !== "new") return;
  // Without a network it is not saved: the order has it.
  const request = { body: entered, key: `address-${id}` };
  const saving = shop.larder.request("POST", "me/addresses", request);
  await saving.then(shop.sync, shop.fail);
}

/** Puts what can be ordered of these lines into the cart. `availableOf` returns the units of a
 * product that there are. */
export async function putBack(shop, lines, availableOf) {
  const cart = await shop.cart();
  await shop.put(
    lines.map(({ product, quantity }) => {
      const wanted = (cart.get(product) ?? 0) + quantity;
      const known = shop.catalogue.byId.get(product);
      return [product, known ? orderable(wanted, known, availableOf(known)) : 0];
    }),
  );
}
