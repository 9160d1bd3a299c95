"""Documents for extraction, drawn from records whose values are known, with their pages and the boxes of their words."""
