"""Decide what only all pages together can show: running heads, heading levels, page breaks, captions, footnotes, links."""
