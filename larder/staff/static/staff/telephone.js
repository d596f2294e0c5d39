// The order of a customer who telephones: offers the saved addresses, and adds up the total.
"use strict";
{
    const THOUSANDTHS = 1000n;

    /** Returns an amount such as "2.125" in thousandths. */
    function parsed(amount) {
        const [whole, decimals = ""] = amount.split(".");
        return BigInt(whole) * THOUSANDTHS + BigInt(decimals.padEnd(3, "0"));
    }

    /** Returns thousandths as an amount with two decimals, or three if the third is not zero. */
    function shown(amount) {
        const decimals = String(amount % THOUSANDTHS).padStart(3, "0");
        return `${amount / THOUSANDTHS}.${decimals.endsWith("0") ? decimals.slice(0, 2) : decimals}`;
    }

    /** Returns the lines that have the SKU of a product and a whole number of units. */
    function filledLines() {
        return [...document.querySelectorAll(".page-lines tbody tr")].flatMap((row) => {
            const {price, available} = row.querySelector("[data-products]").dataset;
            const sku = row.querySelector("[data-products]").value.trim();
            const quantity = row.querySelector("[name$=-quantity]");
            const typed = quantity.value.trim();
            const known = price !== undefined && /^[0-9]+$/.test(typed);
            return known ? [{sku, quantity, price, available, units: BigInt(typed)}] : [];
        });
    }

    /** Sets the text of an element that screen readers announce; not again if it is the same. */
    function say(element, text) {
        if (element.textContent !== text) {
            element.textContent = text;
        }
    }

    /** Returns the text below a field of units. */
    function warning(field) {
        const id = `${field.id}_stock`;
        const found = document.getElementById(id);
        if (found) {
            return found;
        }
        const made = document.createElement("p");
        made.id = id;
        made.className = "page-help page-warning";
        made.setAttribute("role", "status");
        field.after(made);
        const described = [id, field.getAttribute("aria-describedby")];
        field.setAttribute("aria-describedby", described.filter(Boolean).join(" "));
        return made;
    }

    /** Adds up the lines, and says at each of them if there are not enough units. */
    function addUp(total) {
        const lines = filledLines();
        const wanted = new Map();
        for (const {sku, units} of lines) {
            wanted.set(sku, (wanted.get(sku) ?? 0n) + units);
        }
        const short = new Set(lines.filter((one) => wanted.get(one.sku) > BigInt(one.available)));
        document.querySelectorAll(".page-lines [name$=-quantity]").forEach((field) => {
            const line = [...short].find((one) => one.quantity === field);
            say(warning(field), line ? `Only ${line.available} are available.` : "");
        });
        const sum = lines.reduce((all, {price, units}) => all + parsed(price) * units, 0n);
        say(total, lines.length ? `Total: ${shown(sum)} ${total.dataset.currency}` : "");
    }

    /** Offers the saved addresses of the chosen customer, and fills in the one that is chosen. */
    function offerAddresses(saved, customer) {
        const fields = {};
        for (const field of saved.form.querySelectorAll(".page-fields input")) {
            fields[field.name] = field;
        }
        let offered = [];
        let filled = null;

        function fill(address) {
            for (const name of Object.keys(address)) {
                if (name in fields) {
                    fields[name].value = address[name];
                }
            }
        }

        /** Empties what was filled in, so that no order goes to another customer's address. */
        function clear() {
            if (filled) {
                fill(Object.fromEntries(Object.keys(filled).map((name) => [name, ""])));
                filled = null;
            }
        }

        async function load() {
            const chosen = customer.value;
            const query = encodeURIComponent(chosen);
            try {
                const answer = await fetch(`${saved.dataset.addresses}?customer=${query}`);
                offered = answer.ok ? (await answer.json()).results : [];
            } catch {
                offered = [];
            }
            if (chosen === customer.value) {
                const now = saved.value;
                saved.replaceChildren(saved.options[0], ...offered.map(({id, text}) => new Option(text, id)));
                saved.value = offered.some(({id}) => id === now) ? now : "";
                filled = offered.find(({id}) => id === saved.value) ?? null;
            }
        }

        saved.addEventListener("change", () => {
            const address = offered.find(({id}) => id === saved.value);
            clear();
            if (address) {
                fill(address);
                filled = address;
            }
        });
        // select2 tells of a choice through jQuery only.
        django.jQuery(customer).on("change", () => {
            clear();
            saved.value = "";
            load();
        });
        if (customer.value) {
            load();
        }
    }

    document.addEventListener("DOMContentLoaded", () => {
        const total = document.querySelector("[data-currency]");
        const saved = document.querySelector("[data-addresses]");
        document.addEventListener("input", () => addUp(total));
        document.addEventListener("product", () => addUp(total));
        addUp(total);
        offerAddresses(saved, saved.form.elements.customer);
    });
}
