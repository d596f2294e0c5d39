"""`make docker/try`: the image, built and tried where no container engine runs (root, Linux)."""
