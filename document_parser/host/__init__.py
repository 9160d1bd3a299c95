"""What the operating system and the interpreter provide: processes, locks, atomic files and imports."""
