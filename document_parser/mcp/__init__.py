"""Offer the service to assistants by the Model Context Protocol: tools that read, search and cite documents piece by piece.

What only ``docparse mcp`` needs belongs here. Everything goes through the client, so that an assistant sees what any other
caller sees. The protocol itself is that of the package ``mcp``, which the extra ``mcp`` installs.
"""
