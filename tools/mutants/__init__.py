"""Mutants: patches that each break one promise of the code, and the test that must notice it."""
