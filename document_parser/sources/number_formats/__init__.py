"""Values as spreadsheet programs show them: number format codes made into functions."""
