"""Larder on AWS: templates, the tool that applies them, and what checks both."""
