"""What is stored of each job: the model, its Redis record, the page ledger, storage keys, passwords, retries and deliveries."""
