// The admin has no lists that are sorted by hand.
