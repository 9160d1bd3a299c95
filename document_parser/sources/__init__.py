"""Opening documents safely in processes of their own, and answering for their pages: facts, words, ruling lines, images."""
