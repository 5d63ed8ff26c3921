"""Models of others: GGUF files read, checked and turned into what the old PC's engine runs.

Read `convert` first: from `source` (a GGUF file with its `shape`) by `weights` and `pack` to the
`container`, whose sizes are in `layout`. `gguf` and `types` read headers, `llama2c` checkpoints of
another kind. `vocabulary`, `tokenize`, `tables` and `letters` are about text, `chat` and `prefix`
about how a conversation begins. `graph` says in float32 what a model computes, `unpack` reads a
container back, `expect` and `known` say what a PC can do with a model. What needs numpy needs the
extra `models`: `gguf`, `shape`, `vocabulary`, `tables`, `layout`, `container` and `expect` do not.
"""
