"""Edge: the models that conversations are shown to. The only place that imports the vendors' SDKs.

provider.py     the interface `LLMProvider`, and what wraps one
registry.py     the providers by name; a new one is a file and an entry here
anthropic.py openai.py ollama.py local.py    one attempt, each in its vendor's way
models.py models.toml    names of models, as users write them and as vendors serve them
attempt.py faults.py     what SDKs raise and vendors answer -> typed failures, charged or not
conversing.py result.py  a conversation cut by attempts, and what became of it
retrying.py pace.py circuit.py paced.py      when to try again, how many at once, when not at all
recorded.py     every attempt in the ledger; a reply that is there is not asked for again
chain.py        one provider after the other
prompt_cache.py whether caching the fixed part takes effect
"""
