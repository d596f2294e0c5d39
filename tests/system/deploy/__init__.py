"""Tests of deploy/ with a real Larder."""
