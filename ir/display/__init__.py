"""What a notebook or a prompt shows of a model and of results: html_table, and text for shapes and types."""
