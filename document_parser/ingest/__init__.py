"""What a file is and how it gets here, before anything opens it."""
