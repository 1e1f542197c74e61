"""The numerical checks of the claims, through the toolkit; a file for each file of claims."""
