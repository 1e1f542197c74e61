"""Tables as people have them: from a file to numbers, with what was assumed said in words."""
