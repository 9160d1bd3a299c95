"""Speak the protocols of other systems, so that their clients work against this service.

Each facade is a module or package here, named as in FACADES, whose ``facade`` has its routes. It translates: options into
``Options``, our errors and documents into its own. What it does with a document is in ``conversion``; there is no second logic.
"""
