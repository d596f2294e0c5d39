// Shows the names of countries in the language of the page, in place of their codes; opens the browser's
// dialog to print.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
    document.querySelector("[data-print]")?.addEventListener("click", () => print());
    const names = new Intl.DisplayNames(document.documentElement.lang, {type: "region"});
    for (const country of document.querySelectorAll("[data-country]")) {
        if (/^[A-Z]{2}$/.test(country.textContent)) {
            country.textContent = names.of(country.textContent);
        }
    }
});
