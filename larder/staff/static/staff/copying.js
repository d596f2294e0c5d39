// Copies what is shown once. Where the browser does not allow it, such as without https, selects it.
"use strict";
{
    /** Selects the text of an element, and copies it if the browser allows it. Returns what happened. */
    async function copy(element) {
        getSelection().selectAllChildren(element);
        try {
            await navigator.clipboard.writeText(element.textContent);
            return gettext("Copied.");
        } catch {
            return gettext("The text is selected. Copy it with Ctrl+C, or with the menu of your phone.");
        }
    }

    document.addEventListener("DOMContentLoaded", () => {
        const button = document.getElementById("copy");
        button.hidden = false;
        button.addEventListener("click", async () => {
            const said = document.getElementById("copied");
            said.textContent = "";
            said.textContent = await copy(document.getElementById("shown"));
        });
    });
}
