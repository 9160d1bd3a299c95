"""Configure gunicorn: its options, its worker class, its log, and the refusal of ASGI servers."""
