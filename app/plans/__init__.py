"""Plans: what to train, cell by cell, and the scheduler that has it trained."""
