"""More orders than the server can take: what it still places, how long that takes, what it says to
the rest, and how soon it is itself again. `make bench/overload`."""
