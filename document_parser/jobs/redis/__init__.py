"""Access to Redis: the connection, its clock, the Lua scripts, and counters, breakers and requests shared by all processes."""
