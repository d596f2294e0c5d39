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

    /** Returns the choice of an offered product: its picture and its figures. */
    function choice({sku, name, picture}, id) {
        const item = document.createElement("li");
        const image = document.createElement(picture ? "img" : "span");
        image.className = "list-picture";
        if (picture) {
            Object.assign(image, {src: picture, alt: ""});
        }
        Object.assign(item, {id, role: "option"});
        item.append(image, `${sku} ${name}`);
        return item;
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
        const list = document.createElement("ul");
        Object.assign(list, {id: `${field.id}_products`, role: "listbox", className: "page-choices", hidden: true});
        list.ariaLabel = gettext("Products");
        field.after(list);
        field.setAttribute("aria-controls", list.id);
        Object.assign(field, {autocomplete: "off", role: "combobox", ariaExpanded: "false", ariaAutoComplete: "list"});
        let delay;
        let last = "";
        let choices = [];
        let active = -1;

        /** Marks a choice, or none. */
        function mark(place) {
            active = place;
            [...list.children].forEach((item, n) => {
                item.ariaSelected = String(n === place);
            });
            list.children[place]?.scrollIntoView({block: "nearest"});
            if (list.children[place]) {
                field.setAttribute("aria-activedescendant", list.children[place].id);
            } else {
                field.removeAttribute("aria-activedescendant");
            }
        }

        /** Offers these products below the field; without any, closes the list. */
        function offer(products) {
            choices = document.activeElement === field ? products : [];
            list.replaceChildren(...choices.map((product, n) => choice(product, `${list.id}_${n}`)));
            list.hidden = !choices.length;
            field.ariaExpanded = String(!list.hidden);
            mark(-1);
        }

        /** Returns the field for the units of the product. */
        function unitsOf() {
            const near = field.closest("tr") ?? field.form;
            const fields = [...near.querySelectorAll("input:not([type=hidden])")];
            return fields[fields.indexOf(field) + 1];
        }

        function take(product) {
            clearTimeout(delay);
            field.value = product.sku;
            last = product.sku;
            offer([]);
            show(product);
        }

        function takeAndMoveOn(product) {
            take(product);
            unitsOf()?.focus();
            unitsOf()?.select();
        }

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
                const named = found.find((product) => isNamed(product, typed));
                offer(found.length === 1 && named ? [] : found);
                show(named);
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
            const units = unitsOf();
            const before = units?.value;
            units?.focus();
            const found = await offered(field.dataset.products, typed);
            if (typed !== field.value.trim()) {
                return;
            }
            const chosen = match(found ?? []);
            if (chosen) {
                take(chosen);
                return;
            }
            show();
            text.textContent = refusal(found);
            if (!units || (document.activeElement === units && units.value === before)) {
                field.focus();
                field.select();
            }
            offer(found ?? []);
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
                if (choices[active]) {
                    takeAndMoveOn(choices[active]);
                } else {
                    choose();
                }
            } else if (choices.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
                event.preventDefault();
                const step = event.key === "ArrowDown" ? 1 : -1;
                mark(active < 0 && step < 0 ? choices.length - 1 : (active + step + choices.length) % choices.length);
            } else if (event.key === "Escape" && choices.length) {
                event.preventDefault();
                offer([]);
            }
        });
        field.addEventListener("blur", () => offer([]));
        // The field keeps the focus.
        list.addEventListener("mousedown", (event) => event.preventDefault());
        list.addEventListener("click", ({target}) => {
            const product = choices[[...list.children].indexOf(target.closest("li"))];
            if (product) {
                takeAndMoveOn(product);
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
