"""Larder beside systems that people use for the same job: same machine, same run, same loads."""
