"""Documents drawn from seeds, with the exact truth of each: material that cannot be learned by heart.

Seeds below 100,000 are reported and never fitted on; those from 100,000 on are for fitting weights and bounds and never reported.
``document.draw`` refuses a seed of the other use.
"""
