"""Lines become blocks: reading order, paragraphs, kinds of blocks, code, and the obvious page headers and footers."""
