"""Everything that touches PDFium, and the checks and repairs of PDF files."""
