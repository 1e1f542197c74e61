"""What a claim is, what a proof and a check of it are, and their export."""
