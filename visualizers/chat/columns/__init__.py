"""What a visitor chooses of the two columns: who answers in each and how, and the link that holds it."""
