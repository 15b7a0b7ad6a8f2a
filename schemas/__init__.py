"""The contract between the parts: Avro schemas, the catalogue of entities and topics, encoding with the registry."""
