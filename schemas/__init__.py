"""The contract between the parts: Avro schemas, the declarations of entities and topics, encoding with the registry."""
