"""OpenDocument text and presentations, read from their XML. Everything runs in the opener child."""
