"""Pure functions over text without a page: spans, words, language, numbers, identifiers; and the archive of tables."""
