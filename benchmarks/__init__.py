"""What dreaming costs, measured: `python -m benchmarks`. Read docs/benchmarks.md for what each
figure means.

    corpus      the conversations that everything is measured on
    one_core    measuring on one core
    chunking    raw -> basic chunks, beside peers (peers: other people's chunkers)
    memory      peak memory of a day, by its size (memory_day: the process that is measured)
    backfill    a year of days through Dagster, beside the same without (year: the days)
    batches     thirty days upgraded at once, and in batches
    result      what a benchmark reports

Measuring belongs here, and nothing that `dreaming` needs to run; what must hold belongs to
`tests/`.
"""
