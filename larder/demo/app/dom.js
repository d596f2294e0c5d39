/** Elements, pictures, money, days, and reasons of refusals. */

/** Returns an element. Its parts are properties, if the first is an object, and then children:
 * elements or text, never markup; null is left out. */
export function h(name, ...parts) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  element.className = classes.join(" ");
  const properties = parts[0]?.constructor === Object ? parts.shift() : {};
  for (const [key, value] of Object.entries(properties))
    if (key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  element.append(...parts.filter((child) => child !== null));
  return element;
}

/** Writes a text that may be there already: the same one anew costs a layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Returns a button that cannot be pressed again while its work runs. */
export function button(label, work, properties = {}) {
  const pressed = async () => {
    element.disabled = true;
    await work().finally(() => (element.disabled = false));
  };
  const element = h("button", { type: "button", onclick: pressed, ...properties }, label);
  return element;
}

/** Returns a choice: a box or one of several, with a label and more about it. */
export function choice(properties, label, detail = "") {
  return h("label.choice", h("input", properties), h("span", label, h("span.soft", detail)));
}

/** Returns the picture of a product on a tile with the first letter of its name. */
export function picture({ name, image_url }) {
  const tile = h("span.tile", { "aria-hidden": "true" }, name.slice(0, 1));
  tile.style.setProperty("--hue", (name.charCodeAt(0) * 47) % 360);
  const missing = (event) => event.target.remove();
  if (image_url)
    tile.append(h("img", { loading: "lazy", alt: "", onerror: missing, src: source(image_url) }));
  return tile;
}

/** Returns where this page loads a picture. The shop's own are also at the name that it has here. */
function source(address) {
  const { protocol, pathname } = new URL(address);
  return protocol === "http:" && pathname.startsWith("/pictures/") ? pathname : address;
}

/** Returns a sum of money as text. Prices are decimal strings of up to three decimals. */
export function total(lines) {
  const thousandths = lines.map(([price, units]) => Math.round(Number(price) * 1000) * units);
  return (thousandths.reduce((before, line) => before + line, 0) / 1000).toFixed(2);
}

const formats = new Map();

export function money(amount, currency) {
  if (!formats.has(currency))
    formats.set(currency, new Intl.NumberFormat(undefined, { style: "currency", currency }));
  return formats.get(currency).format(Number(amount));
}

/** Returns a number as text. Its toLocaleString() builds a new format each time, which is slow. */
export const { format: number } = new Intl.NumberFormat();

export function counted(products) {
  return products === 1 ? "1 product" : `${number(products)} products`;
}

/** Returns the time of the day, with the date if it is not today. */
export function when(time) {
  const date = new Date(time);
  const isToday = date.toDateString() === new Date().toDateString();
  const words = { dateStyle: isToday ? undefined : "medium", timeStyle: "short" };
  return date.toLocaleString(undefined, words);
}

/** Returns a day of the calendar such as 2026-12-01, so many days from now. */
export function dayFromNow(days) {
  const date = new Date();
  date.setDate(date.getDate() + days);
  // Sweden writes a day as the API does.
  return date.toLocaleDateString("sv-SE");
}

/** Returns a day as words, such as Tue, 1 Dec. */
export function dayName(day) {
  const words = { weekday: "short", day: "numeric", month: "short" };
  return new Date(`${day}T12:00`).toLocaleDateString(undefined, words);
}

/** Returns an address in one line. */
export function inOneLine({ name, company, line1, line2, postal_code, city }) {
  return [name, company, line1, line2, city, postal_code].filter(Boolean).join(", ");
}

/** Returns a sentence that says why a line of an order was refused. */
export function reason(line, problem) {
  if (line.code === "insufficient_stock")
    return `${line.available} available, ${line.requested} wanted.`;
  if (line.code === "price_changed") return `the price is now ${line.price}, and was ${line.expected}.`;
  if (line.code === "unknown_product") return "not sold any more.";
  return `${problem.title}.`;
}
