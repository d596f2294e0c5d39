"""What `make bench` runs: Larder's load figures as ratios to the limits of this machine."""
