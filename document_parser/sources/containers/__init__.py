"""Files that hold other files: archives, packed files, and what they say of their members."""
