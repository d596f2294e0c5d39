// The order of a customer who telephones: chooses an address, shows it in one line, and adds up the
// total, which is a preview: the shop decides when the order is placed.
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

    /** Returns an address in one line, without the phone number. */
    function inOneLine(address) {
        return PARTS.slice(0, -1).map((name) => address[name].trim()).filter(Boolean).join(", ");
    }

    /** Returns a line of the page: its product, and its units if they are whole. */
    function lineOf(row) {
        const product = row.querySelector("[data-products]");
        const quantity = row.querySelector("[name$=-quantity]");
        const {price, available} = product.dataset;
        const [sku, typed] = [product.value.trim(), quantity.value.trim()];
        const units = /^[0-9]+$/.test(typed) ? BigInt(typed) : undefined;
        const complete = price !== undefined && units !== undefined;
        return {row, quantity, sku, price, available, units, complete, empty: !sku && !typed};
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
        const known = document.getElementById(id);
        if (known) {
            return known;
        }
        const text = document.createElement("p");
        Object.assign(text, {id, className: "page-help page-warning", role: "status"});
        field.after(text);
        const described = [id, field.getAttribute("aria-describedby")];
        field.setAttribute("aria-describedby", described.filter(Boolean).join(" "));
        return text;
    }

    /** Shows price and sum of each line, whether there are enough units, and the total. */
    function addUp(total) {
        const written = (amount) => total.dataset.pattern.replace("{}", shown(amount));
        const lines = [...document.querySelectorAll(".page-lines tbody tr")].map(lineOf);
        const complete = lines.filter((line) => line.complete);
        const wanted = new Map();
        for (const {sku, units} of complete) {
            wanted.set(sku, (wanted.get(sku) ?? 0n) + units);
        }
        for (const line of lines) {
            const {row, quantity, price, units, available} = line;
            say(row.querySelector(".page-price"), price === undefined ? "" : written(parsed(price)));
            say(row.querySelector(".page-sum"), line.complete ? written(parsed(price) * units) : "");
            const short = line.complete && wanted.get(line.sku) > BigInt(available);
            const text = gettext("Only {} are available.").replace("{}", available);
            say(warning(quantity), short && !quantity.closest(".errors") ? text : "");
        }
        const sum = complete.reduce((all, {price, units}) => all + parsed(price) * units, 0n);
        const left = lines.filter((line) => !line.complete && !line.empty).length;
        const several = gettext("Total: {}, without {} incomplete lines");
        const rest = left === 1 ? gettext("Total: {}, without {} incomplete line") : several;
        const text = left ? rest : gettext("Total: {}");
        const parts = [written(sum), left];
        say(total, text.replaceAll("{}", () => parts.shift()));
    }

    /** Begins with one unit of a product. What is typed next replaces it. */
    function beginWithOne(product) {
        const quantity = product.closest?.("tr")?.querySelector("[name$=-quantity]");
        if (quantity && product.dataset.price !== undefined && !quantity.value) {
            quantity.value = "1";
            if (document.activeElement === quantity) {
                quantity.select();
            }
        }
    }

    /** Offers the addresses of the chosen customer, fills in the one that is chosen, and shows it. */
    function offerAddresses(saved) {
        const {customer, collected, new_name: newName, new_phone: newPhone} = saved.form.elements;
        const fields = PARTS.map((name) => saved.form.elements[name]);
        const part = saved.closest("details");
        part.open = part.querySelector(".errors") !== null;
        let offered = [];
        // A page that is shown again after a mistake may have the address of its customer.
        let isFilled = customer.value !== "" && fields.some(({value}) => value);

        /** Shows the address in one line. */
        function summarize() {
            const address = Object.fromEntries(fields.map(({name, value}) => [name, value]));
            const where = collected.checked ? gettext("Collected in the shop") : inOneLine(address);
            const none = offered.length
                ? gettext("Choose an address.")
                : gettext("No address. Collected in the shop?");
            const known = customer.value || newName?.value;
            say(part.querySelector("[data-address]"), where || (known ? none : ""));
        }

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
            const options = offered.map((address) => {
                const parts = [address.label, inOneLine(address)].filter(Boolean);
                return new Option(parts.join(": "), address.id);
            });
            saved.replaceChildren(saved.options[0], ...options);
            saved.value = offered.some(({id}) => id === now) ? now : "";
            saved.closest(".group").hidden = !offered.length;
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
            if (!found || chosen !== customer.value) {
                return;
            }
            offer(found.results);
            if (!collected.checked && fields.every(({value}) => !value)) {
                saved.value = found.chosen;
                part.open = !saved.value;
                fillIn();
            }
        }

        function fillIn() {
            const address = offered.find(({id}) => id === saved.value);
            clear();
            if (address) {
                fields.forEach((field) => { field.value = address[field.name]; });
                isFilled = true;
                collected.checked = false;
            }
            summarize();
        }

        saved.addEventListener("change", fillIn);
        part.addEventListener("input", summarize);
        // A new customer has no address yet: there is the question.
        [newName, newPhone].forEach((field) => field?.addEventListener("change", () => {
            part.open ||= field.value !== "" && fields.every(({value}) => !value);
            summarize();
        }));
        // select2 tells of a choice through jQuery only.
        django.jQuery(customer).on("change", () => {
            clear();
            offer([]);
            summarize();
            load();
        });
        offer([]);
        summarize();
        if (customer.value) {
            load();
        }
    }

    document.addEventListener("DOMContentLoaded", () => {
        const total = document.querySelector("[data-pattern]");
        document.addEventListener("input", () => addUp(total));
        document.addEventListener("product", ({target}) => {
            beginWithOne(target);
            addUp(total);
        });
        document.addEventListener("line", () => addUp(total));
        addUp(total);
        offerAddresses(document.querySelector("[data-addresses]"));
    });
    // After the theme has moved the page into its frame, which takes the focus away.
    addEventListener("load", () => setTimeout(() => {
        const customer = document.getElementById("id_customer");
        if (!customer.value && !document.querySelector("#main [aria-invalid=true]")) {
            customer.nextElementSibling?.querySelector(".select2-selection")?.focus();
        }
    }));
}
