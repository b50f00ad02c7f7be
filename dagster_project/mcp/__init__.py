"""Memory for assistants over MCP: search it, and preview, plan, start, follow and stop upgrades.

    arguments.py    the types of the tools' arguments, described for a model
    tools.py        the tools, as methods of one object; the limit of what they may spend
    thinking.py     the client's model as a planner
    replies.py      how results and errors reach a model
    server.py       the server put together: instructions, tools, prompts, resources
    serving.py      the server over HTTP, on this machine alone and behind a token

Here, beside Dagster: a tool that upgrades starts a run. docs/mcp.md says how clients are connected.
"""
