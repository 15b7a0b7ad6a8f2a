"""The sandbox's web page: view a company, edit its records, and make the source misbehave."""
