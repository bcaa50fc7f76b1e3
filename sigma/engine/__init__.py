"""Generation as a stream of events: prompts in, tokens out, caches kept between turns."""
