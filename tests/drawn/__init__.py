"""Documents drawn from seeds: what they say of themselves, and how the product reads forty of them."""
