"""Receive request bodies: how slowly they may come, how forms are parsed, where uploads are staged."""
