"""Handle every request and response alike: request log, rate limits, security headers, errors."""
