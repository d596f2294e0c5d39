// Asks the browser for a passkey, and sends its answer with the form of the second factor.
"use strict";
{
    const place = document.getElementById("passkey");
    const button = place.querySelector("button");
    const form = button.form;
    const {act, origin, options} = place.dataset;
    const opened = Date.now();
    // A minute less than PENDING_SECONDS (second_factor.py), to answer the browser.
    const LIFETIME = 9 * 60 * 1000;
    const REFUSED = {
        InvalidStateError: gettext("This device already has a passkey of your account."),
        NotAllowedError: gettext("No passkey was used. Try again, or use a code."),
    };

    function say(text) {
        place.querySelector("[role=status]").textContent = text;
    }

    /** Returns why this page cannot use passkeys; empty if it can. */
    function obstacle() {
        if (location.origin !== origin) {
            return gettext("Passkeys work at {} only.").replace("{}", origin);
        }
        const knows = window.PublicKeyCredential?.parseRequestOptionsFromJSON;
        return knows ? "" : gettext("This browser cannot use passkeys. Use a code.");
    }

    /** Returns the answer of the browser, as JSON. */
    async function answer() {
        // The prompt ends before the challenge expires: a late answer would count as a wrong one.
        const given = {...JSON.parse(options), timeout: opened + LIFETIME - Date.now()};
        const made = act === "create"
            ? await navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(given)})
            : await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(given)});
        return JSON.stringify(made);
    }

    /** Returns whether the fields are filled in. A passkey replaces the code. */
    function isComplete() {
        return [...form.elements].every((one) => one.name === "code" || one.reportValidity());
    }

    /** Opens the page anew for another challenge. `reload` would send a refused form again. */
    function renew() {
        say(gettext("This page has expired. It is opened again."));
        location.replace(location.pathname + location.search);
    }

    async function usePasskey() {
        if (Date.now() - opened > LIFETIME) {
            renew();
            return;
        }
        if (!isComplete()) {
            return;
        }
        button.disabled = true;
        say("");
        try {
            form.elements.passkey.value = await answer();
            form.submit();
        } catch (error) {
            say(REFUSED[error.name] ?? gettext("The browser refused the passkey ({}).").replace("{}", error.name));
            button.disabled = false;
            button.focus();
        }
    }

    const why = obstacle();
    say(why);
    button.hidden = Boolean(why);
    button.addEventListener("click", usePasskey);
}
