"""The algorithms, in the order the guide tells them, and the command line."""
