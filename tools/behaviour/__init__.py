"""A record of what Larder answers: thousands of requests, played again after a change."""
