"""Models of others: GGUF files read, checked and turned into what the old PC's engine runs.

Read `convert` first: from `source` (a GGUF file with its `shape`) by `exact` and `pack` to the
`container`. `gguf` and `types` read headers, `weights` numbers; `vocabulary`, `tokenize` and
`tables` are about text, `letters` the classes of characters. `graph` says in float32 what a model
computes, `unpack` reads a container back. numpy and gguf are the extra `models`: `gguf`, `types`,
`shape`, `vocabulary`, `tokenize`, `tables` and `container` do without.
"""
