"""Pages and files beside the APIs and the admin."""
