"""Where weights and vocabularies come from: the fetched base, folders, files, the Hub."""
