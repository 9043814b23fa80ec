"""Reference applications, made of the package's public names."""
