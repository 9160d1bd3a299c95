"""RapidOCR: the PP-OCR networks on the CPU, how they are loaded and run, and how their output becomes lines of text."""
