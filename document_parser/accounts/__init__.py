"""Keep keys, usage, history and audit in a database: SQLite in DATA_DIR, or PostgreSQL by DATABASE_URL.

What is known of callers and of what they did belongs here. No page waits for this database: workers count in Redis, and
``workers/flush_accounts.py`` writes what they counted in batches.
"""
