"""A self-hosted service that reads documents page by page and gives faithful Markdown, JSON, HTML or CSV back."""

__version__ = "0.1.0"
