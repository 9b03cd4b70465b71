"""Runs beside each other: compared by their folders, and those that README and docs report."""
