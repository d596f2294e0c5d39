// Takes the code from the link. After # it is in no log of a server; then it leaves the address, too.
"use strict";
{
    const code = decodeURIComponent(location.hash.slice(1));
    if (code) {
        document.getElementById("id_reset_token").value = code;
        history.replaceState(null, "", location.pathname);
    }
}
