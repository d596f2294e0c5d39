// Sends one scan after the other, so that what a scanner types while an answer is on its way is not lost.
"use strict";
{
    const gettext = globalThis.translated;
    const waiting = [];
    let busy = false;

    /** Returns the field that a scanner types into. */
    function field() {
        return document.querySelector("input[data-scan]");
    }

    /** Shows what the server answered, and keeps what was typed meanwhile. */
    function show(text) {
        const made = new DOMParser().parseFromString(text, "text/html").querySelector("form.page");
        if (!made?.querySelector("input[data-scan]")) {
            throw new Error(text.length);
        }
        const form = field().form;
        const typed = field().value;
        form.replaceWith(document.adoptNode(made));
        if (typed || !made.querySelector(".errors, .errorlist, [role=alert]")) {
            field().value = typed;
        }
        field().focus();
        if (!typed) {
            // The next scan replaces a code that was refused.
            field().select();
        }
    }

    async function work() {
        busy = true;
        while (waiting.length) {
            const data = waiting.shift();
            try {
                const answer = await fetch(location.pathname, {method: "POST", body: data});
                if (!answer.ok) {
                    throw new Error(answer.status);
                }
                show(await answer.text());
            } catch {
                alert(`${gettext("Not known whether it was counted. Check the quantity:")} ${data.get("code")}`);
            }
        }
        busy = false;
    }

    // After the theme has moved the page into its frame, which takes the focus away.
    addEventListener("load", () => field()?.focus());

    document.addEventListener("submit", (event) => {
        const code = event.target.querySelector("input[data-scan]");
        if (!code || !code.value.trim()) {
            return;
        }
        event.preventDefault();
        waiting.push(new FormData(event.target));
        code.value = "";
        if (!busy) {
            work();
        }
    });
}
