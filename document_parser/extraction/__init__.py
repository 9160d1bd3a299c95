"""Answer questions about a document that was read: its type, and the values of fields, each with its place on the page.

Functions without a queue. They work on the pages as they were stored, and read nothing again.
"""
