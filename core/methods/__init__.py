"""The methods as the program knows them: a row each, by group; light, loads no torch."""
