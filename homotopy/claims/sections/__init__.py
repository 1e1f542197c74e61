"""The notes' claims, a section of the notes a file."""
