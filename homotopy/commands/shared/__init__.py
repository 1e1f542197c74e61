"""What the commands have in common: inputs, options, output, errors."""
