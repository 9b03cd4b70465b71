"""Data sets whose training images stay on disk."""
