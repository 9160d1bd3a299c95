"""Documents made to break readers: what comes of each, held against what its manifest expects."""
