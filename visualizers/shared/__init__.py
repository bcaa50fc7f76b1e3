"""What several tabs use: who is being answered, the engine that loads, options, turns as they are seen."""
