// Says what is to be refunded for the units that came back, if the order was paid.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
    const total = document.querySelector("[data-held]");
    const thousandths = (text) => Math.round(Number(text) * 1000);

    /** Returns the amount that is due for what is entered, in thousandths. */
    function due({held, rest, decimals}) {
        const prices = [...document.querySelectorAll("[data-price]")];
        const back = prices.reduce((sum, {dataset, value}) => sum + thousandths(dataset.price) * Number(value), 0);
        const step = 10 ** (3 - decimals);
        return thousandths(held) - Math.round((thousandths(rest) - back) / step) * step;
    }

    function show() {
        const {lang} = document.documentElement;
        const digits = {minimumFractionDigits: 2, maximumFractionDigits: 3};
        const refund = due(total.dataset) / 1000;
        const text = total.dataset.pattern.replace("{}", refund.toLocaleString(lang, digits));
        total.textContent = refund > 0 ? gettext("{} to refund.").replace("{}", () => text) : "";
    }

    if (total) {
        document.addEventListener("input", show);
        show();
    }
});
