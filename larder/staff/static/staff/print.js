// Opens the browser's dialog to print.
"use strict";
document.querySelector("[data-print]").addEventListener("click", () => print());
