"""Documents of marked-up text: HTML and what is made of it, XML, JSON, RTF. Runs in the opener child.

``blocks.blocks_of_html`` is the one walker from HTML to blocks; books, web archives, Markdown, notebooks and feeds use it.
"""
