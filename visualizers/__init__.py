"""What a visitor sees: the engine's events become figures, compact pictures and the tabs of the page. No torch here."""
