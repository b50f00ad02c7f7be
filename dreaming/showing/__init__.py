"""What is shown, and to whom: records for commands, pages and models; frames and files.

    summaries.py     what a home holds, spends and did, as JSON
    harmless.py      text from conversations, made harmless for a terminal and a page
    frames.py        `read_chunks` and `search`: chunks as a DataFrame, hits from Python
    exporting.py     chunks to a file: Parquet, JSON lines or CSV
    disclosing.py    what an assistant in the cloud is not shown

How records are printed is in `dreaming.cli.printing`, how they are laid out in `dreaming.page`.
"""
