"""Electronic invoices (CII and UBL) as documents that people read."""
