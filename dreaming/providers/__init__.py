"""Edge: the models that conversations are shown to. The only place that imports the vendors' SDKs.

A provider makes one attempt (`send`), in its vendor's way; everything else is the same for all. One
attempt ends in an `Answer` or a typed `Failure`, never in an exception, and each says whether it
was charged. Around attempts there are layers: `retrying` repeats one that failed for a moment,
`metered` reserves its cost and looks for a stored reply, `pace` and `circuit` decide when it may be
sent, and `conversation_cutter` asks window by window until a conversation is cut. `chain` turns to
the next provider where one cannot.

    provider.py             the interface `LLMProvider`, its settings, and wrappers of one
    registry.py             the providers by name; a new one is a file and an entry here
    configured.py           the providers as the environment configures them
    anthropic.py            Anthropic's Messages API
    anthropic_messages.py   a message of Anthropic's API -> an answer and its usage
    anthropic_batches.py    Anthropic's Message Batches
    openai.py               OpenAI's Chat Completions, and every server that speaks them
    openai_completions.py   a chat completion -> an answer and its usage
    openai_batches.py       OpenAI's Batch API
    ollama.py               Ollama
    local.py                the local LLM: Ollama, or a server that speaks Chat Completions
    machines.py             which addresses are on this machine, or on the user's own
    batches.py              the interface of a vendor's batch API
    models.py               names of models, as users write them and as vendors serve them
    models.toml             the data on models: levels, ends, aliases
    attempt.py              one attempt through a vendor's SDK: its errors -> typed failures
    faults.py               HTTP statuses and broken connections -> typed failures
    conversation_cutter.py  one conversation cut by attempts, window by window
    result.py               the result of a conversation: chunked, or given up
    retrying.py             when a failed attempt is repeated, and after which pause
    pace.py                 how many attempts a vendor gets at once
    circuit.py              a circuit breaker: no attempts while a vendor is down
    metered.py              attempts that are paced, budgeted and recorded
    outgoing.py             masking of all that leaves this machine
    chain.py                several providers in order of preference
    prompt_cache.py         whether caching the fixed part of the prompt pays
    usage_report.py         what an account has used, by the vendor's own report
"""
