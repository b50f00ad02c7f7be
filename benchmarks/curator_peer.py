"""curator (bespokelabs-curator) on the fake vendor, as a process of an environment of its own: it
needs other versions.

It counts tokens with tables that it downloads; without a network a count by length stands in for
them, which is quicker.

python benchmarks/curator_peer.py URL REQUESTS AT_ONCE     prints {"seconds": ...}
"""

import json
import os
import sys
import tempfile
import time

os.environ |= {
    "TELEMETRY_ENABLED": "0",
    "CURATOR_DISABLE_RICH_DISPLAY": "1",
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "OPENAI_API_KEY": "sk-fake",
    "CURATOR_CACHE_DIR": tempfile.mkdtemp(),
}


class ByLength:
    """Counts tokens in the place of tiktoken's tables."""

    name = "by-length"

    def encode(self, text: str, **_options: object) -> list[int]:
        """As many numbers as a text has tokens, about."""
        return [0] * (len(text) // 4)


def main() -> None:
    """Ask for as many completions of a prompt about as long as ours."""
    import tiktoken  # type: ignore[import-not-found]

    tiktoken.get_encoding = tiktoken.encoding_for_model = lambda _name: ByLength()
    from bespokelabs import curator  # type: ignore[import-not-found]

    url, requests, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    limits = {
        "max_requests_per_minute": 10**6,
        "max_tokens_per_minute": 10**9,
        "max_concurrent_requests": at_once,
    }
    model = curator.LLM(
        model_name="gpt-4o-mini",
        backend="openai",
        backend_params={
            "base_url": url + "/v1",
            "max_retries": 0,
            "require_all_responses": False,
            **limits,
        },
    )
    prompts = [
        "\n".join(f"[{n}] user: Message {n} of {number}." for n in range(1, 40))
        for number in range(requests)
    ]
    started = time.perf_counter()
    model(prompts)
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
