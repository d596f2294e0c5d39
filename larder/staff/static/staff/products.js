// Offers products for each field for a SKU, and shows the figures of the product that it has. Enter
// takes the product with this SKU or barcode, or the only one that is offered.
// Keeps its price and available units at the field, and tells other scripts with the event "product".
"use strict";
{
    const DELAY = 200;

    /** Returns the products that the server offers for what was typed, or undefined without an answer. */
    async function offered(address, term) {
        try {
            const answer = await fetch(`${address}?q=${encodeURIComponent(term)}`);
            return answer.ok ? (await answer.json()).results : undefined;
        } catch {
            return undefined;
        }
    }

    /** Returns an offered product. Browsers only show options that contain all that was typed. */
    function option({sku, name}, typed) {
        const made = document.createElement("option");
        const label = `${sku} ${name}`;
        made.value = sku;
        made.label = label.toLowerCase().includes(typed.toLowerCase()) ? label : `${label} · ${typed}`;
        return made;
    }

    /** Returns the product that Enter takes: the only one with the SKU or barcode that was typed, else
     * the only one that is offered. */
    function match(found) {
        const named = found.filter(({is_typed}) => is_typed);
        const only = named.length ? named : found;
        return only.length === 1 ? only[0] : undefined;
    }

    /** Returns whether this is the product with the SKU that was typed. */
    function isNamed({sku, is_typed}, typed) {
        return is_typed && sku.toLowerCase() === typed.toLowerCase();
    }

    /** Returns the text below a field, which screen readers announce when it changes. */
    function help(field) {
        const id = `${field.id}_helptext`;
        const text = document.getElementById(id) || document.createElement("p");
        text.id = id;
        text.className = "page-help";
        text.setAttribute("role", "status");
        if (!text.isConnected) {
            field.after(text);
            const described = [id, field.getAttribute("aria-describedby")];
            field.setAttribute("aria-describedby", described.filter(Boolean).join(" "));
        }
        return text;
    }

    function improve(field) {
        const text = help(field);
        const list = document.createElement("datalist");
        list.id = `${field.id}_products`;
        field.after(list);
        field.setAttribute("list", list.id);
        field.autocomplete = "off";
        let delay;
        let last = "";

        function show(product) {
            text.textContent = product?.name ?? "";
            delete field.dataset.price;
            delete field.dataset.available;
            if (product) {
                Object.assign(field.dataset, {price: product.price, available: product.available});
            }
            field.dispatchEvent(new Event("product", {bubbles: true}));
        }

        async function update() {
            const typed = field.value.trim();
            if (typed === last) {
                return;
            }
            last = typed;
            show();
            const found = (typed && (await offered(field.dataset.products, typed))) || [];
            if (typed === last) {
                list.replaceChildren(...found.map((one) => option(one, typed)));
                show(found.find((one) => isNamed(one, typed)));
            }
        }

        /** Returns why no product was taken, for the text below the field. */
        function refusal(found) {
            if (!found) {
                return gettext("The shop did not answer. Press Enter again.");
            }
            return found.length
                ? gettext("Several products match this. Choose one.")
                : gettext("No product matches this.");
        }

        /** Moves on to the units, which take what is typed while the server looks for the product. Takes
         * the product with the SKU or barcode that was typed, or the only one that is offered. Without one
         * it comes back, unless units were typed. */
        async function choose() {
            clearTimeout(delay);
            const typed = field.value.trim();
            last = typed;
            const near = field.closest("tr") ?? field.form;
            const fields = [...near.querySelectorAll("input:not([type=hidden])")];
            const units = fields[fields.indexOf(field) + 1];
            const before = units?.value;
            units?.focus();
            const found = await offered(field.dataset.products, typed);
            if (typed !== field.value.trim()) {
                return;
            }
            const chosen = match(found ?? []);
            if (chosen) {
                field.value = chosen.sku;
                last = chosen.sku;
                show(chosen);
                return;
            }
            show();
            list.replaceChildren(...(found ?? []).map((one) => option(one, typed)));
            text.textContent = refusal(found);
            if (!units || (document.activeElement === units && units.value === before)) {
                field.focus();
                field.select();
            }
        }

        /** Removes what the server said about the former product. */
        function forget() {
            const group = field.closest(".group.errors");
            group?.classList.remove("errors");
            group?.querySelectorAll(".text-red-600").forEach((one) => one.remove());
        }

        field.addEventListener("keydown", (event) => {
            // A scanner ends each code with Enter, which would send a page that is not complete.
            if (event.key === "Enter" && field.value.trim()) {
                event.preventDefault();
                choose();
            }
        });
        field.addEventListener("input", () => {
            clearTimeout(delay);
            forget();
            delay = setTimeout(update, DELAY);
        });
        field.addEventListener("change", update);
        return update;
    }

    const fieldsOf = (part) => [...part.querySelectorAll("input[data-products]")];

    document.addEventListener("DOMContentLoaded", async () => {
        // One after the other: a page that is shown again may have a hundred lines.
        for (const update of fieldsOf(document).map(improve)) {
            await update();
        }
    });
    document.addEventListener("line", (event) => fieldsOf(event.target).forEach(improve));

    // After the theme has moved the page into its frame, which takes the focus away.
    addEventListener("load", () => document.querySelector("[data-products][autofocus]")?.focus());
}
