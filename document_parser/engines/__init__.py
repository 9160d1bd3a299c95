"""Engines that turn the picture of a page into text: the registry, one folder per family, and what all of them share."""
