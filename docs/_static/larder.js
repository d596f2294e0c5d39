// What scrolls by itself can be scrolled with the keyboard too.
const scrolling = "article :is(pre, .table-wrapper, p:has(> img))";

function makeFocusable() {
  for (const one of document.querySelectorAll(scrolling)) {
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
    else one.removeAttribute("tabindex");
  }
}

addEventListener("load", makeFocusable);
addEventListener("resize", makeFocusable);
