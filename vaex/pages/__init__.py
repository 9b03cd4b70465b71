"""Pages that open from a file, without a server and without a network."""
