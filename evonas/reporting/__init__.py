"""Output for people: live views, plain lines, summaries, drawings of cells."""
