"""The admin: a file for each module, and what they share in `base` and `pages`."""
