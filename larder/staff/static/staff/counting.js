// Sends one scan after the other, so that what a scanner types while an answer is on its way is not lost.
"use strict";
{
    const waiting = [];
    let busy = false;

    /** Returns the field that a scanner types into. */
    function field() {
        return document.querySelector("input[data-scan]");
    }

    /** Moves to the field. The next scan replaces what is in it: a code that was refused or chosen. */
    function focusField() {
        field()?.focus();
        field()?.select();
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
        if (typed) {
            field().focus();
        } else {
            focusField();
        }
    }

    /** Returns a new idempotency key. `crypto.randomUUID` needs https, which a shop at home has not. */
    function newKey() {
        const digits = crypto.getRandomValues(new Uint8Array(16));
        return Array.from(digits, (one) => one.toString(16).padStart(2, "0")).join("");
    }

    /** Sends a scan, and again while the answer is lost and the user wants it: its key counts once. */
    async function send(data) {
        const question = gettext("Not known whether {} was counted. Send it again? It is counted once.");
        do {
            try {
                const answer = await fetch(location.pathname, {method: "POST", body: data});
                if (!answer.ok) {
                    throw new Error(answer.status);
                }
                show(await answer.text());
                return;
            } catch {
                // The user decides.
            }
        } while (confirm(question.replace("{}", () => data.get("code"))));
    }

    async function work() {
        busy = true;
        while (waiting.length) {
            await send(waiting.shift());
        }
        busy = false;
    }

    // After the theme has moved the page into its frame, which takes the focus away. What was typed
    // before stays.
    addEventListener("load", () => {
        if (field()?.value === field()?.defaultValue) {
            focusField();
        } else {
            field().focus();
        }
    });

    // The link of a counted product fills in the form to correct it. A scan instead counts as usual.
    let corrected = new URLSearchParams(location.search).get("code");
    document.addEventListener("input", ({target}) => {
        if (corrected && target === field()) {
            corrected = null;
            target.form.elements.what.value = "add";
            target.form.elements.units.value = "1";
        }
    });

    document.addEventListener("submit", (event) => {
        const code = event.target.querySelector("input[data-scan]");
        if (!code || !code.value.trim()) {
            return;
        }
        event.preventDefault();
        waiting.push(new FormData(event.target));
        corrected = null;
        event.target.elements.form_key.value = newKey();
        code.value = "";
        if (!busy) {
            work();
        }
    });
}
