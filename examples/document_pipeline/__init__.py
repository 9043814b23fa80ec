"""A folder of digital PDFs becomes text, chunks, entities and embeddings, as a durable batch."""
