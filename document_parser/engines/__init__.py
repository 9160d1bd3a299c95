"""Engines that turn page images into text: the registry, one folder per family, and what all of them share."""
