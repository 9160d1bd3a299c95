"""The pixels of a page: rasters and their encoding, ink, skew, and the ruling lines and figures found in them."""
