"""Vision-language models behind OpenAI-compatible servers: requests, answers, several servers per model, and their markup."""
