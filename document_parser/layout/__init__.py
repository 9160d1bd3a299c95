"""The layout of a page: words with boxes become blocks. Pure functions without I/O; lengths in points, origin top left."""
