"""The pictures of a finished model, drawn from report.json alone. matplotlib is imported only when one is drawn."""
