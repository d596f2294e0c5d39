"""What v1 and the earlier contracts share: callers, problems, pages, bodies, rate limits."""
