"""Memory for assistants over MCP: search it, and preview, plan, start, follow and stop upgrades.

Docstrings and field descriptions of tools are read by the client's model: they are prompts. A
tool that upgrades starts a Dagster run, in a process of its own. docs/mcp.md says how clients are
connected.

    arguments.py    the types of the tools' arguments, described for a model
    tools.py        the tools, as methods of one object, and the limit on their spending
    thinking.py     the client's model as a planner
    replies.py      results and errors -> what a model is sent
    server.py       the server: instructions, tools, prompts and resources
    serving.py      the server over HTTP, on this machine alone and behind a token
"""
