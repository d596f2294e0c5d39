"""Who the customers are: accounts, credentials, sessions, tokens."""
