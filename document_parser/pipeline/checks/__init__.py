"""Check readings: guards that reject one, repetition, evidence about a page, and the agreement of two readings."""
