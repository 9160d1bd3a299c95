"""Read one page: choose the engines, try them in order, check each answer, and build the Page from the accepted reading."""
