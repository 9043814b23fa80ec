"""`python -m llm_composition_patterns`: the `llm-patterns` command."""

from .cli import main

if __name__ == "__main__":
    main()
