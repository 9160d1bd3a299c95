"""Mail as documents: a part a message, attachments as documents inside it. Everything runs in the opener child."""
