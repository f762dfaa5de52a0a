"""Names, grammar and phrasings: how facts are put into words, in English and in Šolmi."""
