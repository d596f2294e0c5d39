// Takes the code from the link. After # it is in no log of a server; then it leaves the address, too.
// Sends it at once, so that the page says whose password it is.
"use strict";
{
    const code = decodeURIComponent(location.hash.slice(1));
    if (code) {
        const field = document.getElementById("id_reset_token");
        field.value = code;
        history.replaceState(null, "", location.pathname);
        field.form.elements.look.value = "yes";
        field.form.submit();
    }
}
