"""A run: its folder, its checkpoints, its results, and what the command line does with it."""
