"""The limits that the API is compared with: the same answers, without everything around them."""
