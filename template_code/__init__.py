"""What Cookiecutter and the hooks import: names and texts, the table of files, the set-up of a project."""
