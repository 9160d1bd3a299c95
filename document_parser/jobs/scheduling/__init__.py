"""Which job goes first and whether one more is accepted: lanes, bounds, owners' budgets, disk space and the forecast."""
