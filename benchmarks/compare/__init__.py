"""Measures two commits alternately on one machine: the gain of a change, or noise."""
