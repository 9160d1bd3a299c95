"""Say what kind of document was read, and split a file that holds several.

Functions without a queue. They work on the pages as they were stored, and read nothing again.
"""
