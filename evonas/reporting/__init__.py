"""What a person sees: live view, plain lines, summaries, cells."""
