// A table of lines that grows: a line is added as soon as the last one has a product. Enter moves on to
// the next line; only the button sends the page.
"use strict";
{
    const inputs = (row) => [...row.querySelectorAll("input:not([type=hidden])")];
    const isEmpty = (row) => inputs(row).every(({value}) => !value) && !row.querySelector(".errors");
    const body = document.querySelector(".page-lines tbody");
    const further = document.getElementById("further-line");

    /** Adds a line, up to the most that a page has. Removed lines leave a gap in the numbers. */
    function addLine() {
        const {rows} = body.closest("form").elements;
        const number = Number(rows.value);
        if (!further || number >= Number(further.dataset.most)) {
            return undefined;
        }
        const line = further.innerHTML.replaceAll("__line__", number).replaceAll("__number__", number + 1);
        body.insertAdjacentHTML("beforeend", line);
        rows.value = number + 1;
        body.lastElementChild.dispatchEvent(new Event("line", {bubbles: true}));
        return body.lastElementChild;
    }

    /** Moves on to the product of the next line, or to the field that is below this one. After the last
     * line it goes to the button. */
    function moveOn(field, row) {
        const next = row.nextElementSibling ?? addLine();
        if (next) {
            (next.querySelector("[data-products]") ?? inputs(next)[inputs(row).indexOf(field)])?.focus();
            return;
        }
        field.form.querySelector("[type=submit]").focus();
    }

    /** Removes a line; the last one is emptied. */
    function remove(row) {
        const next = row.nextElementSibling ?? row.previousElementSibling ?? addLine();
        if (next) {
            row.remove();
            inputs(next)[0].focus();
            next.dispatchEvent(new Event("product", {bubbles: true}));
        }
    }

    // Without scripts, all lines of a page that grows are there.
    if (further) {
        [...body.rows].filter(isEmpty).slice(1).forEach((row) => row.remove());
        body.closest("form").elements.rows.value = Math.max(...[...body.rows].map(numberOf)) + 1;
    }

    /** Returns the number in the names of the fields of a line. */
    function numberOf(row) {
        return Number(inputs(row)[0].name.split("-")[1]);
    }

    document.addEventListener("click", (event) => {
        if (event.target.closest("[name=_remove]")) {
            remove(event.target.closest("tr"));
        }
    });
    document.addEventListener("product", ({target}) => {
        if (target.dataset.price && !target.closest("tr")?.nextElementSibling) {
            addLine();
        }
    });

    // A field for a product that is not empty has prevented what Enter does (products.js).
    document.addEventListener("keydown", (event) => {
        const row = event.target.closest("tr");
        if (event.key === "Enter" && row && event.target.matches("input") && !event.defaultPrevented) {
            event.preventDefault();
            moveOn(event.target, row);
        }
    });
}
