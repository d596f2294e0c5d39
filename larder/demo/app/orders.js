/** The orders, and the page of one. */

import { putBack } from "./cart.js";
import { button, counted, dayName, h, inOneLine, money, picture, reason, total, when } from "./dom.js";
import { bell } from "./push.js";

/** The states of the outbox, and the statuses of orders. */
const WORDS = {
  waiting: "Waiting for the network",
  giving_up: "Being given up",
  refused: "Refused",
  abandoned: "Given up",
  pending: "Awaits payment",
  expired: "Not paid in time",
  placed: "Placed",
  packed: "Packed",
  shipped: "On its way",
  delivered: "Delivered",
  returned: "Returned",
  cancelled: "Cancelled",
};
const PROGRESS = ["placed", "packed", "shipped", "delivered"];

export async function ordersPage(shop) {
  const entries = (await shop.larder.outbox.all()).reverse();
  const orders = new Map((await shop.larder.history.all()).map((order) => [order.id, order]));
  for (const { id, state, order } of entries)
    if (state === "placed" && !orders.has(id)) orders.set(id, order);
  const placed = [...orders.values()].sort((a, b) => (a.placed_at < b.placed_at ? 1 : -1));
  // The feed may tell of an order before its answer comes.
  const open = entries.filter(({ id }) => !orders.has(id));
  return [
    h("h2", "Orders"),
    ...open.map((entry) => entrySection(shop, entry)),
    placed.length + open.length ? null : h("p", "There are no orders yet."),
    h("ul.orders", ...placed.map((order) => orderCard(shop, order))),
  ];
}

function orderCard(shop, order) {
  const { byId } = shop.catalogue;
  const pictures = order.lines.slice(0, 5).map((line) => picture(byId.get(line.product) ?? line));
  return h(
    "li",
    h(
      "a.order",
      { href: `#/orders/${order.id}` },
      h("strong", `Order ${order.number}`),
      status(order),
      h("span.soft", `${when(order.placed_at)} · ${counted(order.lines.length)}`),
      h("strong", money(order.total, order.currency)),
      h("span.pictures", ...pictures),
    ),
  );
}

function status({ status }) {
  return h(`span.status.${status}`, WORDS[status] ?? status);
}

/** Returns about what an order costs that the shop has not seen yet. */
function estimate({ lines }, { byId }) {
  const currency = byId.get(lines[0].product)?.currency;
  if (currency === undefined) return null;
  const sum = total(lines.map((line) => [line.expected_price, line.quantity]));
  return h("p.soft", `About ${money(sum, currency)}`);
}

/** Returns what is known of an order that the shop has not placed, and what can be done. */
function entrySection(shop, { id, state, draft, problem }, thanks) {
  const { outbox } = shop.larder;
  const nameOf = (product) => shop.catalogue.byId.get(product)?.name ?? `Product ${product}`;
  const refused = problem?.lines ?? [];
  const said = refused.map((line) => `${nameOf(line.product)}: ${reason(line, problem)}`);
  if (problem && said.length === 0) said.push(problem.detail || problem.title);
  const back = async () => {
    const available = new Map(refused.map((line) => [line.product, line.available]));
    await putBack(shop, draft.lines, (product) => available.get(product.id) ?? Infinity);
    sessionStorage.setItem("refusals", JSON.stringify(said));
    // The refusal may come from a copy with earlier prices.
    void shop.sync();
    await outbox.dismiss(id);
    location.hash = "#/cart";
  };
  const isSending = thanks && state === "waiting" && navigator.onLine;
  return h(
    "section.entry",
    h("h3", isSending ? "Sending the order …" : WORDS[state]),
    h("p", draft.lines.map((line) => `${line.quantity} × ${nameOf(line.product)}`).join(", ")),
    state === "waiting" ? estimate(draft, shop.catalogue) : null,
    ...said.map((text) => h("p.bad", text)),
    state === "waiting" ? button("Give up", () => outbox.giveUp(id)) : null,
    state === "refused" ? button("Back to the cart", back, { className: "primary" }) : null,
    ["refused", "abandoned"].includes(state) ? button("Remove", () => outbox.dismiss(id)) : null,
  );
}

export async function orderPage(shop, id, thanks) {
  const entry = (await shop.larder.outbox.all()).find((each) => each.id === id);
  const order = (await shop.larder.history.get(id)) ?? entry?.order;
  if (order === undefined && entry) return [h("h2", "Your order"), entrySection(shop, entry, thanks)];
  if (order === undefined) return [h("h2", "Order"), h("p", "It is not on this device.")];
  const { byId } = shop.catalogue;
  const day = order.requested_for ? dayName(order.requested_for) : thanks && "as soon as possible";
  const where = order.ship_to ? `To ${inOneLine(order.ship_to)}` : "To be collected";
  const delivery = day ? `${where}, ${day}` : where;
  return [
    thanks
      ? h("div.thanks", h("h2", `✓ Thank you, order ${order.number}`), h("p", `${delivery}.`))
      : h("h2", `Order ${order.number}`),
    h("p.soft", `Placed ${when(order.placed_at)}`),
    PROGRESS.includes(order.status) ? progress(order.status) : h("p", status(order)),
    thanks ? null : h("p", delivery),
    order.tracking_number ? h("p", `${order.carrier || "Parcel"} ${order.tracking_number}`) : null,
    order.note ? h("p", `Note: ${order.note}`) : null,
    h(
      "ul",
      ...order.lines.map((line) =>
        h(
          "li.row",
          picture(byId.get(line.product) ?? line),
          h("span", line.name),
          h("strong", money(line.line_total, order.currency)),
          h("p.soft", `${line.quantity} × ${money(line.unit_price, order.currency)}`),
        ),
      ),
    ),
    ["placed", "packed"].includes(order.status) ? bell(shop, "Tell me when it is sent") : null,
    h("p.total", h("span", "Total"), h("span", money(order.total, order.currency))),
    ...(thanks ? [h("a.button", { href: "#/" }, "To the products")] : orderButtons(shop, order)),
  ];
}

/** Returns the steps of an order on its way. */
function progress(status) {
  const now = PROGRESS.indexOf(status);
  const step = (name, place) => {
    const current = place === now ? "step" : "false";
    return h(place <= now ? "li.done" : "li", { "aria-current": current }, WORDS[name]);
  };
  return h("ol.progress", ...PROGRESS.map(step));
}

function orderButtons(shop, order) {
  const again = async () => {
    await putBack(shop, order.lines, (product) => shop.stockOf(product));
    location.hash = "#/cart";
  };
  const cancel = async () => {
    if (!confirm(`Cancel order ${order.number}?`)) return;
    const request = { body: {}, key: `cancel-${order.id}` };
    const cancelled = await shop.larder.request("POST", `orders/${order.id}/cancel`, request);
    await shop.larder.history.put(cancelled);
    await shop.show();
  };
  return [
    button("Order again", again, { className: "primary" }),
    order.status === "placed" ? button("Cancel order", () => cancel().catch(shop.fail)) : null,
  ];
}
