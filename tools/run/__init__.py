"""`make run`: Larder and its database on this machine, in the foreground."""
