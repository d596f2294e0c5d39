// In a table of lines, Enter moves on to the next line. Only the button sends the page.
"use strict";
{
    const inputs = (row) => [...row.querySelectorAll("input:not([type=hidden])")];

    /** Moves on to the product of the next line, or to the field that is below this one. After the last
     * line it opens more lines, or goes to the button. */
    function moveOn(field, row) {
        const next = row.nextElementSibling;
        if (next) {
            (next.querySelector("[data-products]") ?? inputs(next)[inputs(row).indexOf(field)])?.focus();
            return;
        }
        const more = field.form.querySelector("[name=_more]");
        if (more) {
            more.click();
        } else {
            field.form.querySelector("[type=submit]").focus();
        }
    }

    // A field for a product that is not empty has prevented what Enter does (products.js).
    document.addEventListener("keydown", (event) => {
        const row = event.target.closest("tr");
        if (event.key === "Enter" && row && event.target.matches("input") && !event.defaultPrevented) {
            event.preventDefault();
            moveOn(event.target, row);
        }
    });
}
