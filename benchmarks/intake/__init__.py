"""Office files to Markdown beside the peers of today, and a sheet of a million cells beside python-calamine."""
