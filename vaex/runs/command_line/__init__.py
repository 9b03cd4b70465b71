"""The words of the commands, each of which imports what stands behind it when it is called."""
