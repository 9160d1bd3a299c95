"""Types of documents: what they are fitted on, and how well they are told apart."""
