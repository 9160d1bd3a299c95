"""Serve the routes: a module for each group of them, and the modules that several groups share."""
