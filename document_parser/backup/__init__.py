"""Back up a whole service while it works, and restore it: database, Redis, stored files and the secrets of DATA_DIR."""
