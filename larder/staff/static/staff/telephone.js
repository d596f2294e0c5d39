// The order of a customer who telephones: offers the saved addresses, and adds up the total.
"use strict";
{
    const THOUSANDTHS = 1000n;

    // The fields of the address: SHIP_TO_FIELDS (larder/identity/queries).
    const PARTS = [
        "name", "company", "line1", "line2", "city", "region", "postal_code", "country", "phone",
    ];

    /** Returns an amount such as "2.125" in thousandths. */
    function parsed(amount) {
        const [whole, decimals = ""] = amount.split(".");
        return BigInt(whole) * THOUSANDTHS + BigInt(decimals.padEnd(3, "0"));
    }

    /** Returns thousandths as an amount with two decimals, or three if the third is not zero. */
    function shown(amount) {
        const decimals = String(amount % THOUSANDTHS).padStart(3, "0");
        const shortened = decimals.endsWith("0") ? decimals.slice(0, 2) : decimals;
        const {lang} = document.documentElement;
        const mark = (0.5).toLocaleString(lang)[1];
        return `${(amount / THOUSANDTHS).toLocaleString(lang)}${mark}${shortened}`;
    }

    /** Returns the lines that are not empty; complete are those with a product and whole units. */
    function filledLines() {
        return [...document.querySelectorAll(".page-lines tbody tr")].flatMap((row) => {
            const {price, available} = row.querySelector("[data-products]").dataset;
            const sku = row.querySelector("[data-products]").value.trim();
            const quantity = row.querySelector("[name$=-quantity]");
            const typed = quantity.value.trim();
            if (price !== undefined && /^[0-9]+$/.test(typed)) {
                return [{complete: true, sku, quantity, price, available, units: BigInt(typed)}];
            }
            return sku || typed ? [{complete: false}] : [];
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
        const filled = filledLines();
        const lines = filled.filter(({complete}) => complete);
        const wanted = new Map();
        for (const {sku, units} of lines) {
            wanted.set(sku, (wanted.get(sku) ?? 0n) + units);
        }
        const short = new Set(lines.filter((one) => wanted.get(one.sku) > BigInt(one.available)));
        document.querySelectorAll(".page-lines [name$=-quantity]").forEach((field) => {
            const line = [...short].find((one) => one.quantity === field);
            say(warning(field), line && !field.closest(".errors") ? gettext("Only {} are available.").replace("{}", line.available) : "");
        });
        const sum = lines.reduce((all, {price, units}) => all + parsed(price) * units, 0n);
        const left = filled.length - lines.length;
        const several = gettext("Total: {}, without {} incomplete lines");
        const rest = left === 1 ? gettext("Total: {}, without {} incomplete line") : several;
        const text = left ? rest : gettext("Total: {}");
        const parts = [`${shown(sum)} ${total.dataset.currency}`, left];
        say(total, lines.length ? text.replaceAll("{}", () => parts.shift()) : "");
    }

    /** Offers the saved addresses of the chosen customer, and fills in the one that is chosen. */
    function offerAddresses(saved, customer) {
        const fields = PARTS.map((name) => saved.form.elements[name]);
        const {collected} = saved.form.elements;
        let offered = [];
        // A page that is shown again after a mistake may have the address of its customer.
        let isFilled = customer.value !== "" && fields.some(({value}) => value);

        /** Empties what was filled in, so that no order goes to another customer's address. */
        function clear() {
            if (isFilled) {
                fields.forEach((field) => { field.value = ""; });
                isFilled = false;
            }
        }

        /** Offers these addresses. The chosen one stays chosen if it is one of them. */
        function offer(addresses) {
            const now = saved.value;
            offered = addresses;
            saved.replaceChildren(saved.options[0], ...offered.map(({id, text}) => new Option(text, id)));
            saved.value = offered.some(({id}) => id === now) ? now : "";
        }

        /** Returns the addresses of a customer, and which to choose; null without an answer. */
        async function addressesOf(chosen) {
            try {
                const query = encodeURIComponent(chosen);
                const answer = await fetch(`${saved.dataset.addresses}?customer=${query}`);
                return answer.ok ? await answer.json() : null;
            } catch {
                return null;
            }
        }

        async function load() {
            const chosen = customer.value;
            const found = await addressesOf(chosen);
            if (found && chosen === customer.value) {
                offer(found.results);
                if (!collected.checked && fields.every(({value}) => !value)) {
                    saved.value = found.chosen;
                    fillIn();
                }
            }
        }

        function fillIn() {
            const address = offered.find(({id}) => id === saved.value);
            clear();
            if (address) {
                fields.forEach((field) => { field.value = address[field.name]; });
                isFilled = true;
            }
        }

        saved.addEventListener("change", fillIn);
        // select2 tells of a choice through jQuery only.
        django.jQuery(customer).on("change", () => {
            clear();
            offer([]);
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
