"""How documents number their pages, in the languages of Europe, as parts of regular expressions without regard to case."""

from __future__ import annotations

PAGE_WORDS = r"page|seite|blatt|pagina|página|pág\.?|pag\.?|sida|side|strana|str\.|strona|sivu|стр\.?|страница|σελίδα"
"""The words for a page."""
OF_WORDS = "of|von|de|di|van|af|av|sur|z|ze|из|από"
"""The words between the number of a page and that of all pages."""
