"""How documents number their pages, in the languages of Europe.

The words are parts of regular expressions without regard to case. Three patterns are for three kinds of evidence: what one page
alone proves by its figures, what it proves by its words, and what is a number if the pages of the document count with it.
"""

from __future__ import annotations

import re

PAGE_WORDS = r"page|seite|blatt|pagina|página|pág\.?|pag\.?|sida|side|strana|str\.|strona|sivu|стр\.?|страница|σελίδα"
"""The words for a page."""
OF_WORDS = "of|von|de|di|van|af|av|sur|z|ze|из|από"
"""The words between the number of a page and that of all pages."""

PLAIN_PAGE_NUMBER = re.compile(r"(?:page\s+)?[-–—|\s]*\d{1,4}[-–—|\s]*(?:(?:of|/)\s*\d{1,4})?", re.IGNORECASE)
"""A number with the dashes that are set around page numbers: in a margin, one page alone shows what it is."""
NAMED_PAGE_NUMBER = re.compile(
    rf"(?:{PAGE_WORDS})\s*[-–:]?\s*\d{{1,4}}(?:\s*(?:{OF_WORDS}|/)\s*\d{{1,4}})?|\d{{1,4}}\s*(?:of|von|/)\s*\d{{1,4}}",
    re.IGNORECASE,
)
"""A number that is called that of a page: *Page 2 of 4*, *2/4*."""
COUNTING_PAGE_NUMBER = re.compile(
    rf"[^\w]*(?:{PAGE_WORDS}|p|s)?[^\w]*(?:\d{{1,5}}|[ivxl]{{1,8}})[^\w]*(?:(?:{OF_WORDS})?[^\w]*\d{{1,5}})?[^\w]*",
    re.IGNORECASE,
)
"""A number, Roman ones below 100 too, with any words and marks around it: it counts if other pages have the next ones."""
