"""Know callers by tokens of an OpenID Connect provider, and log people in there."""
