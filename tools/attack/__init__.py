"""`make attack`: the attacks that Larder is known to withstand, run against a separate server."""
