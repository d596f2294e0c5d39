// Makes pages of the theme usable by keyboard and screen reader: names, roles, and buttons in place
// of elements that only react to the mouse.
"use strict";
{
    const ICON = ".material-symbols-outlined";
    const NAMES = {dock_to_right: "Menu", arrow_back: "Back", unfold_more: "Account"};
    const FIXED = [
        ["#main, .login #page", "role", "main"],
        [".object-tools", "role", "none"],
        ["#main h3", "aria-level", "2"],
        [`${ICON}:not([role])`, "aria-hidden", "true"],
    ];
    const CLICKABLE = ["a:not([href])", "span", "div"]
        .map((one) => `${one}[x-on\\:click]:not([role], #changelist-filter-close)`)
        .join();

    /** Returns what an element says without its icons. */
    function words(element) {
        const copy = element.cloneNode(true);
        copy.querySelectorAll(ICON).forEach((icon) => icon.remove());
        return element.matches(ICON) ? "" : copy.textContent.trim();
    }

    /** Names a link or button that only has an icon. */
    function nameIcon(element) {
        const icon = element.matches(ICON) ? element : element.querySelector(ICON);
        if (icon && !words(element) && !element.hasAttribute("aria-label")) {
            const name = icon.textContent.trim();
            element.setAttribute("aria-label", element.title || NAMES[name] || name.replaceAll("_", " "));
        }
    }

    /** Makes an element that only reacts to the mouse a button. */
    function makeButton(element) {
        if (element.querySelector("a, button, input, select")) {
            return;
        }
        element.setAttribute("role", "button");
        element.tabIndex = 0;
        nameIcon(element);
        element.addEventListener("keydown", (event) => {
            if (event.key === "Enter" || event.key === " ") {
                event.preventDefault();
                element.click();
            }
        });
    }

    /** Names the field that select2 puts in place of a select, as the label of the select does. */
    function nameField(field) {
        const select = field.closest(".select2-container").previousElementSibling;
        const label = select?.labels?.[0];
        const shown = field.querySelector("[role=textbox]");
        shown?.removeAttribute("role");
        shown?.removeAttribute("aria-readonly");
        field.setAttribute("aria-label", select?.ariaLabel || (label && words(label)) || "Choice");
        field.removeAttribute("aria-labelledby");
    }

    function improve() {
        document.querySelectorAll(CLICKABLE).forEach(makeButton);
        document.querySelectorAll("a[href], button").forEach(nameIcon);
        document.querySelectorAll(".select2-selection[aria-labelledby]").forEach(nameField);
        document.querySelectorAll(".simplebar-content-wrapper").forEach((region, number) => {
            region.setAttribute("aria-label", `Scrollable content ${number + 1}`);
        });
        for (const [selector, name, value] of FIXED) {
            document.querySelectorAll(selector).forEach((one) => one.setAttribute(name, value));
        }
    }

    document.addEventListener("DOMContentLoaded", () => {
        improve();
        new MutationObserver(improve).observe(document.body, {childList: true, subtree: true});
    });
}
