"""Fit the weights with which the layout scores tables of aligned words."""
