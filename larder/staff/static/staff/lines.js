// In a table of lines, Enter moves on to the next line. A button adds lines; only the other one sends
// the page.
"use strict";
{
    const inputs = (row) => [...row.querySelectorAll("input:not([type=hidden])")];

    /** Adds a line, up to the most that a page has. */
    function addLine() {
        const {dataset, innerHTML} = document.getElementById("further-line");
        const body = document.querySelector(".page-lines tbody");
        const number = body.rows.length;
        if (number < Number(dataset.most)) {
            const line = innerHTML.replaceAll("__line__", number).replaceAll("__number__", number + 1);
            body.insertAdjacentHTML("beforeend", line);
            body.closest("form").elements.rows.value = number + 1;
            body.lastElementChild.dispatchEvent(new Event("line", {bubbles: true}));
        }
        return body.rows[number];
    }

    /** Moves on to the product of the next line, or to the field that is below this one. After the last
     * line it adds one, or goes to the button. */
    function moveOn(field, row) {
        const more = field.form.querySelector("[name=_more]");
        const next = row.nextElementSibling ?? (more && addLine());
        if (next) {
            (next.querySelector("[data-products]") ?? inputs(next)[inputs(row).indexOf(field)])?.focus();
            return;
        }
        field.form.querySelector("[type=submit]").focus();
    }

    document.addEventListener("click", (event) => {
        if (event.target.closest("[name=_more]")) {
            addLine()?.querySelector("input").focus();
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
