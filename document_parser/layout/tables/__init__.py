"""Tables: frames of drawn lines, columns of aligned words, rows and cells, and the decision whether they are a table."""
