"""Sheets of workbooks and delimited text: cells with their values, and the text that the program shows for them."""
