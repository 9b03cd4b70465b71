"""Rows of a table, and what its columns are."""
