"""HTTP: the canonical API. Views parse, authorise, make one call and serialise."""
