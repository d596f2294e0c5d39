/** Elements, amounts of money, and sentences about problems. */

/** Returns an element. Children are elements or text: never markup. */
export function h(name, properties = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  made.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key.includes("-") || key === "for") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((one) => one !== null));
  return made;
}

/** Returns a button that cannot be pressed again while its work runs. */
export function button(label, work, properties = {}) {
  const pressed = async () => {
    made.disabled = true;
    await work().finally(() => (made.disabled = false));
  };
  const made = h("button", { type: "button", onclick: pressed, ...properties }, label);
  return made;
}

/** Returns a sum of money as text. Prices are decimal strings of up to three decimals. */
export function total(lines) {
  const thousandths = ([price, units]) => BigInt(Math.round(Number(price) * 1000)) * BigInt(units);
  const sum = lines.map(thousandths).reduce((one, other) => one + other, 0n);
  return (Number(sum) / 1000).toFixed(2);
}

export function money(amount, currency) {
  return new Intl.NumberFormat(undefined, { style: "currency", currency }).format(Number(amount));
}

export function when(time) {
  return new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}

/** Returns the time of the day, with the date if it is not today. */
export function clock(time) {
  const isToday = new Date(time).toDateString() === new Date().toDateString();
  return isToday ? new Date(time).toLocaleTimeString(undefined, { timeStyle: "short" }) : when(time);
}

/** Returns sentences that say why an order was refused. `names` are the products' names by id. */
export function reasons(problem, names) {
  const lines = problem.lines ?? [];
  if (lines.length === 0) return [problem.detail || problem.title];
  return lines.map((line) => {
    const name = names.get(line.product) ?? `Product ${line.product}`;
    return `${name}: ${reason(line, problem)}`;
  });
}

/** Returns why a line was refused. */
export function reason(line, problem) {
  if (line.code === "insufficient_stock")
    return `${line.available} available, ${line.requested} wanted.`;
  if (line.code === "price_changed")
    return `the price is now ${line.price}, and was ${line.expected}.`;
  if (line.code === "unknown_product") return "not sold any more.";
  return `${problem.title}.`;
}
