"""One module for each attack: ITEM, TITLE, PROMISE and `attack(target, full=…)`."""
