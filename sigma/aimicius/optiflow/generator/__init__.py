"""What the cases of Optiflow are made of: requests in words, and programs that print plans."""
