"""Development tools around Larder; nothing in larder/ imports them."""
