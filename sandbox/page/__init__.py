"""The sandbox's page for a person: look at a company, edit its records, and make the source misbehave."""
