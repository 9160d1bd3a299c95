"""Programs and libraries that set a draft in type. Each writes a PDF, and says where the words are if it knows."""
