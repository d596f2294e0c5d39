// Makes pages of the theme usable by keyboard and screen reader: names, roles, and buttons in place
// of elements that only react to the mouse.
"use strict";
{
    const ICON = ".material-symbols-outlined";
    const NAMES = {
        dock_to_right: gettext("Menu"),
        arrow_back: gettext("Back"),
        unfold_more: gettext("Account"),
        close: gettext("close"),
        search: gettext("search"),
        more_vert: gettext("more vert"),
        more_horiz: gettext("more horiz"),
        filter_list: gettext("filter list"),
        light_mode: gettext("light mode"),
        dark_mode: gettext("dark mode"),
        computer: gettext("computer"),
        edit: gettext("edit"),
        add: gettext("add"),
        delete: gettext("delete"),
        visibility: gettext("visibility"),
        chevron_right: gettext("chevron right"),
        chevron_left: gettext("chevron left"),
        expand_more: gettext("expand more"),
        expand_less: gettext("expand less"),
    };
    const FIXED = [
        ["#main, .login #page", "role", "main"],
        [".object-tools", "role", "none"],
        ["#main h3", "aria-level", "2"],
        ["#tabs-items", "aria-label", gettext("Tabs")],
        ["#tabs-items > .active", "aria-current", "page"],
        [`${ICON}:not([role])`, "aria-hidden", "true"],
    ];
    const CLICKABLE = ["a:not([href])", "span", "div"]
        .map((one) => `${one}[x-on\\:click]:not([role], #changelist-filter-close)`)
        .join();

    /** Gives the page the colours and the menu that the theme's script will give it later. */
    function prepare(root, stored) {
        const scheme = JSON.parse(stored.getItem("adminTheme") ?? '"auto"');
        const prefersDark = matchMedia("(prefers-color-scheme: dark)").matches;
        root.classList.toggle("dark", scheme === "dark" || (scheme === "auto" && prefersDark));
        if (stored.getItem("sidebarOpen") !== "0") {
            root.style.setProperty("--menu", `${stored.getItem("sidebarWidth") || 288}px`);
        }
    }

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
        field.setAttribute("aria-label", select?.ariaLabel || (label && words(label)) || gettext("Choice"));
        field.removeAttribute("aria-labelledby");
    }

    let regions = 0;

    /** Names a part of the page that scrolls by itself. */
    function nameRegion(region) {
        if (!region.hasAttribute("data-named")) {
            region.setAttribute("data-named", "");
            region.setAttribute("aria-label", `${gettext("Scrollable content")} ${++regions}`);
            region.setAttribute("role", "region");
            region.tabIndex = 0;
        }
    }

    /** Begins the name of a column with a capital, as the head of the list does. */
    function capitalizeLabel({dataset}) {
        dataset.label = dataset.label.charAt(0).toUpperCase() + dataset.label.slice(1);
    }

    const IMPROVEMENTS = [
        [".data-row [data-label]", capitalizeLabel],
        [CLICKABLE, makeButton],
        ["a[href], button", nameIcon],
        [".select2-selection[aria-labelledby]", nameField],
        [".simplebar-content-wrapper, .overflow-x-auto", nameRegion],
        ...FIXED.map(([selector, name, value]) => [selector, (one) => one.setAttribute(name, value)]),
    ];

    /** Improves an element and what is in it. */
    function improve(root) {
        for (const [selector, act] of IMPROVEMENTS) {
            const found = [...root.querySelectorAll(selector)];
            (root.matches(selector) ? [root, ...found] : found).forEach(act);
        }
    }

    /** Improves what was added to the page, once before the next frame is drawn. */
    function watch() {
        const added = new Set();
        const improveAdded = () => {
            [...added].filter((one) => one.isConnected).forEach(improve);
            added.clear();
        };
        const note = (changes) => {
            const nodes = changes.flatMap((one) => [...one.addedNodes]);
            const elements = nodes.filter((one) => one.nodeType === Node.ELEMENT_NODE);
            if (elements.length && !added.size) {
                requestAnimationFrame(improveAdded);
            }
            elements.forEach((one) => added.add(one));
        };
        new MutationObserver(note).observe(document.body, {childList: true, subtree: true});
    }

    /** Moves to the first field with an error, which may be far below the top of the page. */
    function showError() {
        const field = document.querySelector("#main [aria-invalid=true]");
        field?.closest("details")?.setAttribute("open", "");
        field?.scrollIntoView({block: "center"});
        field?.focus({preventScroll: true});
    }

    prepare(document.documentElement, localStorage);
    // The theme asks half a second after the last key.
    document.addEventListener("DOMContentLoaded", () => {
        const field = document.getElementById("search-input-command");
        field?.setAttribute("hx-trigger", "keyup changed delay:120ms");
        field && htmx.process(field);
        // The theme's Enter needs a choice by the arrow keys first, and fails without one.
        const results = document.getElementById("command-results");
        field?.addEventListener("keydown", (event) => {
            const first = results.querySelector("a");
            if (event.key === "Enter" && !results.querySelector("li.active")) {
                event.preventDefault();
                event.stopImmediatePropagation();
                first && location.assign(first.href);
            }
        }, {capture: true});
        improve(document.body);
        watch();
    });
    // Then the script of Django that moves to the first field of a form has run.
    addEventListener("load", showError);
}
