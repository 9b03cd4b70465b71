"""Several runs of one experiment: combinations of settings, or what a search asks for, and which was the best."""
